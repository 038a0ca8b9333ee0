import BenchmarkRecords
import Foundation
import LatencyCore

/// A run that is under way: each event goes to the journal, into the state, and to whoever watches. Used by the
/// measuring thread and by the one that watches conditions.
final class RunLog: @unchecked Sendable {
    private let lock = NSLock()
    private let journal: Journal
    private let watcher: @Sendable (RunState) -> Void
    private let clock: any MonotonicClock
    private let origin: Int
    private var state: RunState
    private var conditions = ConditionLog()
    private var largest: [ComputeUnits: Int] = [:]

    init(
        header: RunHeader, journal: Journal, clock: any MonotonicClock, watcher: @escaping @Sendable (RunState) -> Void
    ) throws {
        self.journal = journal
        self.watcher = watcher
        self.clock = clock
        origin = clock.now()
        state = RunState(header)
        try journal.append(.began(header))
    }

    /// The reading of the clock from which the run's times are counted.
    var originNs: Int { origin }
    /// Since the start of the run.
    var nowNs: Int { clock.now() - origin }
    var current: RunState { lock.withLock { state } }

    func enter(_ phase: PhaseName, _ units: ComputeUnits? = nil, round: Int? = nil) throws {
        try record(.entered(phase: phase, units: units, round: round, atNs: nowNs))
    }

    func record(_ event: RunEvent) throws {
        let now = try lock.withLock {
            try journal.append(event)
            state.apply(event)
            return state
        }
        watcher(now)
    }

    /// Keeps a reading of the conditions where it tells something new. A full disk ends the run elsewhere, not here.
    func watch(_ condition: (Int) -> ConditionSample, always: Bool = false) {
        let sample = condition(nowNs)
        let (kept, grown) = lock.withLock { () -> (Bool, ComputeUnits?) in
            let kept = conditions.take(sample, always: always)
            guard let units = state.work?.units, let bytes = sample.footprintBytes, bytes > largest[units] ?? 0 else {
                return (kept, nil)
            }
            largest[units] = bytes
            return (kept, units)
        }
        if let units = grown, let bytes = sample.footprintBytes { try? record(.grew(units: units, bytes: bytes)) }
        if kept { try? record(.watched(sample)) }
    }
}

extension RunState {
    /// For the heartbeat. The fraction is by rounds, where there are any, and by compute units elsewhere.
    public var progress: RunProgress {
        guard let work else { return RunProgress(phase: hasEnded ? .plan : .fetch, fraction: hasEnded ? 1 : 0) }
        let plan = header.job.plan
        var fraction = 0.0
        if let round = work.round, plan.rounds > 0 {
            fraction = min(1, Double(round - 1) / Double(plan.rounds))
        } else if let unit = work.units, let index = plan.computeUnits.firstIndex(of: unit) {
            fraction = Double(index) / Double(plan.computeUnits.count)
        }
        return RunProgress(phase: work.phase, computeUnits: work.units, round: work.round, fraction: fraction)
    }
}
