import BenchmarkRecords
import DeviceState
import Foundation
import LatencyCore
import ModelRunner

/// Everything that is timed but the compilation, on one thread. A compute unit that fails is left out from there on;
/// the others go on.
actor Measurement {
    private let environment: HarnessEnvironment
    private let job: Job
    private let inputs: [[Tensor]]
    private let compiled: URL
    private let folder: RunFolder
    private let log: RunLog
    private let stop: StopFlag
    private let thread: MeasuringThread
    private let timed: SampleBuffer
    private let warmUp: SampleBuffer
    private var loaded: [ComputeUnits: Loaded] = [:]
    private var failed: Set<ComputeUnits> = []
    private var staysHot = false

    /// A compute unit's model. `prediction`: nil while it is not in memory.
    private struct Loaded {
        var path: URL
        var prediction: Prediction?
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(
        environment: HarnessEnvironment, job: Job, inputs: [[Tensor]], compiled: URL, folder: RunFolder, log: RunLog,
        stop: StopFlag
    ) {
        self.environment = environment
        self.job = job
        self.inputs = inputs
        self.compiled = compiled
        self.folder = folder
        self.log = log
        self.stop = stop
        thread = MeasuringThread(name: "measuring", quality: job.plan.qualityOfService.foundation)
        timed = SampleBuffer(capacity: job.plan.iterations)
        warmUp = SampleBuffer(capacity: max(1, job.plan.warmUp))
    }

    deinit { thread.end() }

    /// Throws where the journal cannot be written, and nothing else.
    func run() async throws {
        try await run(with: environment.clock)
    }

    private func run(with clock: some MonotonicClock) async throws {
        let sampler = Sampler(clock: clock, origin: log.originNs)
        let quality = ClockQuality.measured(sampler.clock)
        try log.record(.readClock(resolutionNs: quality.resolutionNs, overheadNs: quality.overheadNs))
        for units in job.plan.computeUnits where stop.reason == nil { try open(units, sampler) }
        try await rounds(sampler)
        loaded = loaded.mapValues { Loaded(path: $0.path) }
        for units in working where job.plan.outputs { try answer(units) }
        for units in working where job.plan.computePlan { try await place(units) }
    }

    private var working: [ComputeUnits] {
        stop.reason == nil ? job.plan.computeUnits.filter { !failed.contains($0) } : []
    }

    // MARK: One compute unit, before the rounds

    private func open(_ units: ComputeUnits, _ sampler: Sampler<some MonotonicClock>) throws {
        try attempt(.coldLoad, units) {
            loaded[units] = Loaded(path: try coldLoads(units, sampler))
        }
        try attempt(.cachedLoad, units) {
            if job.plan.coldLoads == 0 { _ = try load(units) }  // The path is new to this compute unit.
            let (model, ns) = try sampler.time { try load(units) }
            try log.record(.cachedLoaded(units: units, ns: ns))
            loaded[units]?.prediction = try model.prepare(inputs[0])
        }
        try attempt(.firstPrediction, units) {
            guard let prediction = loaded[units]?.prediction else { return }
            let (_, ns) = try sampler.time { try prediction.run() }
            try log.record(.firstPredicted(units: units, ns: ns))
            if job.plan.reload { loaded[units]?.prediction = nil }
        }
    }

    /// Returns the path that was loaded last, for the loads to come.
    private func coldLoads(_ units: ComputeUnits, _ sampler: Sampler<some MonotonicClock>) throws -> URL {
        var path = compiled
        for index in 0..<job.plan.coldLoads {
            if path != compiled { try? FileManager.default.removeItem(at: path) }
            path = folder.models.appendingPathComponent("\(units.rawValue)-\(index)-\(environment.newID()).mlmodelc")
            try FileManager.default.createDirectory(at: folder.models, withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: compiled, to: path)
            let (_, ns) = try sampler.time { try load(units, from: path) }
            try log.record(.coldLoaded(units: units, ns: ns))
        }
        return path
    }

    private func load(_ units: ComputeUnits, from path: URL? = nil) throws -> LoadedModel {
        try environment.runner.load(request(units, path))
    }

    private func request(_ units: ComputeUnits, _ path: URL? = nil) -> LoadRequest {
        LoadRequest(compiled: path ?? loaded[units]?.path ?? compiled, computeUnits: units, function: job.function)
    }

    // MARK: Rounds

    private func rounds(_ sampler: Sampler<some MonotonicClock>) async throws {
        var order = RoundOrder(plan: job.plan)
        for units in failed { order.failed(units) }
        while stop.reason == nil, let turn = order.next() {
            await coolDown()
            try round(turn, sampler)
            if failed.contains(turn.unit) {
                order.failed(turn.unit)
            } else {
                order.finished(turn, timedNs: timed.total)
            }
        }
    }

    private func round(_ turn: RoundOrder.Turn, _ sampler: Sampler<some MonotonicClock>) throws {
        let units = turn.unit
        var loadNs: Int?
        timed.clear()
        warmUp.clear()
        try attempt(.warmUp, units, round: turn.round) {
            if job.plan.reload {
                let (model, ns) = try sampler.time { try load(units) }
                loadNs = ns
                loaded[units]?.prediction = try model.prepare(inputs[0])
            }
            guard let prediction = loaded[units]?.prediction else { return }
            try sampler.sample(job.plan.warmUp, into: warmUp, until: { stop.reason != nil }, prediction.run)
        }
        try attempt(.rounds, units, round: turn.round) {
            guard let prediction = loaded[units]?.prediction else { return }
            try sampler.sample(job.plan.iterations, into: timed, until: { stop.reason != nil }, prediction.run)
        }
        let round = Round(
            startsNs: timed.starts, durationsNs: timed.durations, warmUpNs: warmUp.durations, loadNs: loadNs)
        if timed.count + warmUp.count > 0 { try log.record(.measured(units: units, round: round)) }
        if job.plan.reload { loaded[units]?.prediction = nil }
    }

    /// Waits while the device is hotter than the plan allows. Where that was in vain once the run is invalid anyway,
    /// and nobody waits again.
    private func coolDown() async {
        var waited = 0.0
        while !staysHot, stop.reason == nil, environment.device.condition(log.nowNs).thermal > job.plan.hottest {
            guard waited < job.plan.coolDownSeconds else {
                staysHot = true
                return
            }
            waited += 1
            try? await environment.sleep(1)
        }
    }

    // MARK: After everything that is timed

    private func answer(_ units: ComputeUnits) throws {
        try attempt(.outputs, units) {
            let model = try load(units)
            for (sample, tensors) in zip(job.samples, inputs) where stop.reason == nil {
                let prediction = try model.prepare(tensors)
                try prediction.run()
                let outputs = try prediction.outputs()
                let contents = try outputs.map(keep)
                try log.record(.answered(units: units, outputs: SampleOutputs(sample: sample.name, outputs: contents)))
                try note(prediction.leftOut(), units)
            }
        }
    }

    private func note(_ leftOut: [String], _ units: ComputeUnits) throws {
        if leftOut.isEmpty { return }
        let value = "not sent, as they are no arrays of numbers: \(leftOut.joined(separator: ", "))"
        try log.record(.noted(key: "outputs.\(units.rawValue)", value: value))
    }

    /// Written before the journal names it.
    private func keep(_ output: Tensor) throws -> TensorContent {
        let content = output.content
        let place = folder.output(content.sha256)
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try output.data.write(to: place, options: .atomic)
        return content
    }

    /// A plan that cannot be had spoils no measurement: it becomes a note.
    private func place(_ units: ComputeUnits) async throws {
        try log.enter(.plan, units)
        do {
            let placements = try await environment.runner.placements(request(units))
            try log.record(.placed(units: units, placements: placements))
        } catch let error as RunnerError {
            try log.record(.noted(key: "plan.\(units.rawValue)", value: error.message))
        }
    }

    /// Does `body` unless this compute unit has failed; what the framework refuses becomes the unit's failure.
    private func attempt(
        _ phase: PhaseName, _ units: ComputeUnits, round: Int? = nil, _ body: () throws -> Void
    ) throws {
        guard !failed.contains(units), stop.reason == nil else { return }
        try log.enter(phase, units, round: round)
        // What this took of memory is read while it is still held.
        defer { log.watch(environment.device.condition) }
        do {
            try body()
        } catch {
            failed.insert(units)
            loaded[units] = nil
            let refused = error as? RunnerError
            let failure = Failure(phase: phase, message: refused?.message ?? "\(error)", code: refused?.code)
            try log.record(.unitFailed(units: units, failure: failure))
        }
    }
}

extension QualityOfServiceName {
    var foundation: QualityOfService {
        switch self {
        case .userInteractive: .userInteractive
        case .userInitiated: .userInitiated
        case .default: .default
        case .utility: .utility
        case .background: .background
        }
    }
}
