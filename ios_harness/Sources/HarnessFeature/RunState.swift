import BenchmarkRecords
import LatencyCore

/// A run as a state machine: events go in, and at any moment a report comes out of what there is.
public struct RunState: Equatable, Sendable {
    public struct Work: Equatable, Sendable {
        public var phase: PhaseName
        public var units: ComputeUnits?
        public var round: Int?
        public var sinceNs: Int
    }

    public let header: RunHeader
    /// What is going on, nil before the first phase and after the end.
    public private(set) var work: Work?
    public private(set) var hasEnded = false
    /// The time of the latest event that carries one.
    public private(set) var latestNs = 0
    private var units: [ComputeUnits: UnitRun]
    private var log: [ConditionSample] = []
    private var resolutionNs = 0
    private var overheadNs = 0
    private var compileNs: Int?
    private var failure: Failure?
    private var notes: [String: String] = [:]

    public init(_ header: RunHeader) {
        self.header = header
        units = Dictionary(
            header.job.plan.computeUnits.map { ($0, UnitRun(computeUnits: $0)) }, uniquingKeysWith: { $1 })
    }

    /// Replays a journal. Nil where it does not begin with a header.
    public init?(replaying events: [RunEvent]) {
        guard case .began(let header)? = events.first else { return nil }
        self.init(header)
        for event in events.dropFirst() { apply(event) }
    }

    public mutating func apply(_ event: RunEvent) {
        switch event {
        case .began: break
        case .entered(let phase, let units, let round, let atNs):
            work = Work(phase: phase, units: units, round: round, sinceNs: atNs)
            latestNs = max(latestNs, atNs)
        case .readClock(let resolutionNs, let overheadNs):
            (self.resolutionNs, self.overheadNs) = (resolutionNs, overheadNs)
        case .compiled(let ns): compileNs = ns
        case .watched(let sample):
            log.append(sample)
            latestNs = max(latestNs, sample.atNs)
        case .noted(let key, let value): notes[key] = value
        case .failed(let failure): self.failure = failure
        case .ended(let atNs):
            (work, hasEnded, latestNs) = (nil, true, max(latestNs, atNs))
        default: applyToUnit(event)
        }
    }

    private mutating func applyToUnit(_ event: RunEvent) {
        switch event {
        case .coldLoaded(let unit, let ns): units[unit]?.coldLoadNs.append(ns)
        case .cachedLoaded(let unit, let ns): units[unit]?.cachedLoadNs = ns
        case .firstPredicted(let unit, let ns): units[unit]?.firstPredictionNs = ns
        case .measured(let unit, let round):
            units[unit]?.rounds.append(round)
            latestNs = max(latestNs, round.span?.upperBound ?? 0)
        case .answered(let unit, let outputs): units[unit]?.outputs.append(outputs)
        case .placed(let unit, let placements): units[unit]?.placements = placements
        case .grew(let unit, let bytes): units[unit]?.peakFootprintBytes = bytes
        case .unitFailed(let unit, let failure): units[unit]?.failure = failure
        default: break
        }
    }

    public func unit(_ name: ComputeUnits) -> UnitRun? { units[name] }
    public var conditions: [ConditionSample] { log }

    /// The process ended without a word: what was at work is what killed it.
    public mutating func markDied() {
        let work = work ?? Work(phase: .fetch, units: nil, round: nil, sinceNs: 0)
        let unit = work.units.map { " on \($0.rawValue)" } ?? ""
        let round = work.round.map { ", round \($0)" } ?? ""
        let failure = Failure(
            phase: work.phase,
            message: "the app was killed in phase \(work.phase.rawValue) of \(header.job.package.name)\(unit)\(round)",
            died: true)
        self.failure = failure
        if let unit = work.units { units[unit]?.failure = failure }
    }

    public var report: BenchmarkReport {
        let runs = header.job.plan.computeUnits.compactMap { units[$0] }
        return BenchmarkReport(
            id: header.id, job: header.job.id, package: header.job.package.identity, device: header.device,
            app: header.app, plan: header.job.plan, started: header.started, durationNs: latestNs,
            clock: header.clock, clockResolutionNs: resolutionNs, overheadNs: overheadNs, units: runs, conditions: log,
            validity: .judged(
                plan: header.job.plan, device: header.device, app: header.app, conditions: log,
                sampling: runs.flatMap(\.rounds).compactMap(\.span)),
            compileNs: compileNs, failure: failure, notes: notes)
    }
}

extension Round {
    /// From the first timed prediction's start to the last one's end.
    fileprivate var span: ClosedRange<Int>? {
        guard let first = startsNs.first, let last = startsNs.last, let duration = durationsNs.last else { return nil }
        return first...max(first, last + duration)
    }
}
