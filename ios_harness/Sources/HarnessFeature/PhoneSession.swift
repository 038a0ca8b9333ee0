import BenchmarkRecords
import Foundation
import HostClient

/// All that the app does between its start and its end: jobs that came as files, then those of the host.
public struct PhoneSession: Sendable {
    let environment: HarnessEnvironment
    let inbox: JobInbox
    /// The client of a host, with the secret of the pairing where there is one.
    let client: @Sendable (_ host: URL, _ secret: String?) -> HostClient

    public init(
        environment: HarnessEnvironment, inbox: JobInbox,
        client: @escaping @Sendable (URL, String?) -> HostClient
    ) {
        self.environment = environment
        self.inbox = inbox
        self.client = client
    }

    public var pairedHost: PairedHost? { PairedHost.saved(in: environment.workspace) }

    public func pair(_ link: PairingLink) async throws -> PairedHost {
        try await PairedHost.pair(link, client: client(link.host, nil), environment: environment)
    }

    /// Goes on until its task is cancelled; returns after the inbox where no host is paired. A job folder that cannot
    /// be measured is shown and left alone.
    public func run(_ update: @escaping @Sendable (Worker.Update) -> Void) async throws {
        try inbox.open()
        for (source, destination) in inbox.waiting() {
            try await environment.untilInFront()
            do {
                update(.finished(try await measure(source, destination, update)))
            } catch let error as WireError {
                let reason = Release(reason: error.description, retry: false)
                update(.released(reason, package: source.lastPathComponent))
            }
            try Task.checkCancellation()
        }
        guard let host = pairedHost else { return }
        try await Worker(
            environment: environment, client: client(host.host, host.secret), heartbeatSeconds: host.heartbeatSeconds,
            update: update
        ).run()
    }

    private func measure(
        _ source: URL, _ destination: URL, _ update: @escaping @Sendable (Worker.Update) -> Void
    ) async throws -> BenchmarkReport {
        var surroundings = environment
        // Runs that died here are no business of the host's.
        surroundings.workspace = Workspace(environment.workspace.root.appendingPathComponent("folders"))
        let folder = try JobFolder(source: source, destination: destination)
        let stop = StopFlag()
        return try await withTaskCancellationHandler {
            try await folder.measure(surroundings, stop: stop) {
                update(.running($0.progress, package: folder.job.package.name))
            }
        } onCancel: {
            stop.set(.stopped)
        }
    }
}
