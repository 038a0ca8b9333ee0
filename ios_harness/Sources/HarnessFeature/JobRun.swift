import BenchmarkRecords
import DeviceState
import Foundation
import HostClient
import LatencyCore
import ModelRunner

/// One job from its lease to its report on disk. Sends heartbeats meanwhile.
public struct JobRun: Sendable {
    public enum Outcome: Equatable, Sendable {
        /// The report is in the run's folder, to be delivered.
        case reported(BenchmarkReport)
        /// The job was given up without a report; the reason is for the host.
        case released(Release)
    }

    let environment: HarnessEnvironment
    let client: HostClient
    let heartbeatSeconds: Double
    let stop: StopFlag
    let watcher: @Sendable (RunState) -> Void

    public init(
        environment: HarnessEnvironment, client: HostClient, heartbeatSeconds: Double, stop: StopFlag = StopFlag(),
        watcher: @escaping @Sendable (RunState) -> Void = { _ in }
    ) {
        self.environment = environment
        self.client = client
        self.heartbeatSeconds = heartbeatSeconds
        self.stop = stop
        self.watcher = watcher
    }

    /// Throws where the disk refuses to be written.
    public func run(_ lease: Lease) async throws -> Outcome {
        let header = RunHeader(
            id: environment.newID(), job: lease.job, device: environment.identity, app: environment.device.app(),
            started: environment.utcNow, clock: environment.clock.name)
        let folder = environment.workspace.run(header.id)
        try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
        let log = try RunLog(
            header: header, journal: try Journal(folder.journal), clock: environment.clock, watcher: watcher)
        let outcome = try await withCompanions(lease, log) { try await perform(lease.job, folder, log) }
        try? FileManager.default.removeItem(at: folder.models)
        guard case .reported(let report) = outcome else {
            try? FileManager.default.removeItem(at: folder.url)
            return outcome
        }
        try RunRecovery(workspace: environment.workspace).keep(report, in: folder)
        return outcome
    }

    /// Runs `body` while the lease is renewed, one task watches the conditions, and one the time.
    private func withCompanions(
        _ lease: Lease, _ log: RunLog, _ body: () async throws -> Outcome
    ) async throws -> Outcome {
        let condition = environment.device.condition
        log.watch(condition)
        let companions: [Task<Void, any Error>] = [
            Task {
                while true {
                    try await Task.sleep(nanoseconds: 250_000_000)
                    log.watch(condition)
                }
            },
            Task {
                try await Task.sleep(nanoseconds: UInt64(min(1e6, max(0, lease.job.plan.timeLimitSeconds)) * 1e9))
                stop.set(.timeLimit)
            },
        ]
        defer { companions.forEach { $0.cancel() } }
        let renewal = LeaseRenewal(
            client: client, lease: lease.id, seconds: heartbeatSeconds, progress: { log.current.progress },
            whenCancelled: { stop.set(.cancelled) })
        return try await renewal.during(body)
    }

    private func perform(_ job: Job, _ folder: RunFolder, _ log: RunLog) async throws -> Outcome {
        try log.enter(.fetch)
        if let refusal = job.refusal { return try finished(log, Failure(phase: .fetch, message: refusal)) }
        let compiled = environment.workspace.compiled(job.package, build: environment.device.identity().build)
        let inputs: [[Tensor]]
        do {
            inputs = try await fetch(job, compiled)
            try await compile(job.package, to: compiled, log)
        } catch is CancellationError {
            stop.set(.stopped)
            return try finished(log, nil)
        } catch let error as WireError {
            return try finished(log, Failure(phase: .fetch, message: error.description))
        } catch let error as RunnerError {
            return try finished(log, Failure(phase: .compile, message: error.message, code: error.code))
        } catch let error as ConnectionLost {
            return .released(Release(reason: "the package could not be fetched: \(error)", retry: true))
        } catch let error as Refused {
            return .released(Release(reason: "the package could not be fetched: \(error)", retry: true))
        }
        try await Measurement(
            environment: environment, job: job, inputs: inputs, compiled: compiled, folder: folder, log: log, stop: stop
        ).run()
        return try finished(log, nil)
    }

    /// Inputs, and the package where no compiled form of it is kept.
    private func fetch(_ job: Job, _ compiled: URL) async throws -> [[Tensor]] {
        let fetch = Fetch(workspace: environment.workspace, client: client, date: environment.date())
        _ = try environment.workspace.places(of: job.package)
        if !FileManager.default.fileExists(atPath: compiled.path) { _ = try await fetch.package(job.package) }
        var inputs: [[Tensor]] = []
        for sample in job.samples { inputs.append(try await fetch.inputs(sample)) }
        return inputs
    }

    /// Does nothing where a compiled form is kept. The package has done its work then, and goes.
    private func compile(_ content: PackageContent, to kept: URL, _ log: RunLog) async throws {
        let (files, workspace) = (FileManager.default, environment.workspace)
        if !files.fileExists(atPath: kept.path) {
            try log.enter(.compile)
            let package = try workspace.package(content)
            let fresh = kept.deletingPathExtension().appendingPathExtension("\(environment.newID()).mlmodelc")
            let start = environment.clock.now()
            try await environment.runner.compile(package, fresh)
            try log.record(.compiled(ns: environment.clock.now() - start))
            try files.moveItem(at: fresh, to: kept)
            try? files.removeItem(at: package.deletingLastPathComponent())
        }
        workspace.markUsed(kept.deletingLastPathComponent(), at: environment.date())
    }

    private func finished(_ log: RunLog, _ failure: Failure?) throws -> Outcome {
        let phase = log.current.work?.phase ?? .fetch
        switch stop.reason {
        case .cancelled: return .released(Release(reason: "the job was cancelled", retry: false))
        case .stopped: return .released(Release(reason: "the phone was told to stop", retry: true))
        case .timeLimit:
            let limit = log.current.header.job.plan.timeLimitSeconds
            try log.record(
                .failed(failure ?? Failure(phase: phase, message: "the time limit of \(limit) s was reached")))
        case nil: if let failure { try log.record(.failed(failure)) }
        }
        log.watch(environment.device.condition, always: true)
        try log.record(.ended(atNs: log.nowNs))
        return .reported(log.current.report)
    }
}
