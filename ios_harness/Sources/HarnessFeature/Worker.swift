import BenchmarkRecords
import Foundation
import HostClient

/// Asks one host for jobs and does them, one after another.
public struct Worker: Sendable {
    /// What happens, for the screen.
    public enum Update: Equatable, Sendable {
        case waiting
        case running(RunProgress, package: String)
        case finished(BenchmarkReport)
        case released(Release, package: String)
        case delivered(RunRecovery.Delivery)
        /// The host does not answer; asked again after so many seconds.
        case unreachable(String, again: Double)
    }

    /// When to end: after so many jobs, or once no job came for so long. Nil: never.
    public struct Limits: Equatable, Sendable {
        public var jobs: Int?
        public var idleSeconds: Int?

        public init(jobs: Int? = nil, idleSeconds: Int? = nil) {
            self.jobs = jobs
            self.idleSeconds = idleSeconds
        }
    }

    let environment: HarnessEnvironment
    let client: HostClient
    let heartbeatSeconds: Double
    let limits: Limits
    let update: @Sendable (Update) -> Void
    private static let waitSeconds = 25
    /// Two weeks: a phone is small, and what is needed again comes again.
    private static let keptSeconds = 14.0 * 24 * 3600

    public init(
        environment: HarnessEnvironment, client: HostClient, heartbeatSeconds: Double, limits: Limits = Limits(),
        update: @escaping @Sendable (Update) -> Void = { _ in }
    ) {
        self.environment = environment
        self.client = client
        self.heartbeatSeconds = heartbeatSeconds
        self.limits = limits
        self.update = update
    }

    /// Returns when the limits are reached; throws `CancellationError` when its task is cancelled, `Refused` when the
    /// host does not know this device, and where the disk refuses.
    public func run() async throws {
        environment.workspace.removeUnused(since: environment.date().addingTimeInterval(-Self.keptSeconds))
        var jobs = 0
        while jobs < limits.jobs ?? .max {
            try await deliverPending()
            update(.waiting)
            try await environment.untilInFront()
            let wait = min(Self.waitSeconds, limits.idleSeconds ?? Self.waitSeconds)
            guard let lease = try await patiently({ try await client.nextJob(wait) }) else {
                if limits.idleSeconds != nil { return }
                continue
            }
            try await perform(lease)
            jobs += 1
        }
        try await deliverPending()
    }

    private func perform(_ lease: Lease) async throws {
        let stop = StopFlag()
        let package = lease.job.package.name
        let outcome = try await withTaskCancellationHandler {
            try await JobRun(
                environment: environment, client: client, heartbeatSeconds: heartbeatSeconds, stop: stop,
                watcher: { update(.running($0.progress, package: package)) }
            ).run(lease)
        } onCancel: {
            stop.set(.stopped)
        }
        switch outcome {
        case .reported(let report):
            update(.finished(report))
            let renewal = LeaseRenewal(
                client: client, lease: lease.id, seconds: heartbeatSeconds,
                progress: { RunProgress(phase: .outputs, fraction: 1) }, whenCancelled: {})
            try await renewal.during { try await deliverPending() }
        case .released(let release):
            update(.released(release, package: package))
            // The task may be cancelled: the lease is given back all the same. A host that does not answer frees it.
            try? await Task.detached { [client] in try await client.release(lease.id, release) }.value
        }
        try Task.checkCancellation()
    }

    private func deliverPending() async throws {
        let recovery = RunRecovery(workspace: environment.workspace)
        for folder in try recovery.pending() {
            update(.delivered(try await patiently { try await recovery.deliver(folder, to: client) }))
        }
    }

    /// As often as it takes, with pauses of up to half a minute.
    private func patiently<Value: Sendable>(_ request: @Sendable () async throws -> Value) async throws -> Value {
        var pause = 1.0
        while true {
            do {
                return try await request()
            } catch let error as ConnectionLost {
                update(.unreachable(error.description, again: pause))
            } catch let error as Refused where error.problem.status == 429 || error.problem.status >= 500 {
                update(.unreachable(error.description, again: pause))
            }
            try await environment.sleep(pause)
            pause = min(30, pause * 2)
        }
    }
}
