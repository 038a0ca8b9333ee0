import BenchmarkRecords
import Foundation
import HostClient

/// A job that came as files, `job.json` and `blobs/SHA256`, and goes back as files, `report.json` and `blobs/SHA256`:
/// what a cable, AirDrop or the Files app carry.
public struct JobFolder: Sendable {
    public let job: Job
    private let source: URL
    private let destination: URL

    /// Throws `WireError` where `source` holds no job.
    public init(source: URL, destination: URL) throws {
        guard let data = try? Data(contentsOf: source.appendingPathComponent("job.json")) else {
            throw WireError("\(source.path) holds no job.json")
        }
        job = try WireDocument.decode(from: data)
        self.source = source
        self.destination = destination
    }

    /// Measures the job, and leaves the report at its destination, whole or not at all. A run that died with the app is
    /// reported as it is, and not begun again.
    public func measure(
        _ environment: HarnessEnvironment, stop: StopFlag = StopFlag(),
        watcher: @escaping @Sendable (RunState) -> Void = { _ in }
    ) async throws -> BenchmarkReport {
        let recovery = RunRecovery(workspace: environment.workspace)
        let client = self.client
        for folder in try recovery.pending() {
            let report = try WireDocument.decode(BenchmarkReport.self, from: Data(contentsOf: folder.report))
            guard report.job == job.id else { continue }
            _ = try await recovery.deliver(folder, to: client)
            return report
        }
        let run = JobRun(environment: environment, client: client, heartbeatSeconds: 3600, stop: stop, watcher: watcher)
        switch try await run.run(Lease(id: "folder", job: job, attempt: 1)) {
        case .released(let release): throw WireError(release.reason)
        case .reported(let report):
            _ = try await recovery.deliver(environment.workspace.run(report.id), to: client)
            return report
        }
    }

    private var partial: URL {
        destination.deletingLastPathComponent().appendingPathComponent(".\(destination.lastPathComponent).partial")
    }

    /// A host made of two folders.
    private var client: HostClient {
        HostClient(
            pair: { _ in throw WireError("a folder is not paired with") },
            nextJob: { _ in nil },
            heartbeat: { _, _ in HeartbeatAnswer() },
            release: { _, _ in },
            download: { blob, place in
                let file = source.appendingPathComponent("blobs/\(blob.sha256)")
                let bytes: Data
                do { bytes = try Data(contentsOf: file) } catch { throw WireError("\(file.path) is missing") }
                guard SHA256Digest.hex(bytes) == blob.sha256 else { throw WireError("\(file.path) has other bytes") }
                try Self.put(bytes, at: place)
            },
            upload: { blob, file in
                try Self.put(try Data(contentsOf: file), at: partial.appendingPathComponent("blobs/\(blob.sha256)"))
            },
            report: { job, bytes in
                try Self.put(bytes, at: partial.appendingPathComponent("report.json"))
                if FileManager.default.fileExists(atPath: destination.path) {
                    try FileManager.default.removeItem(at: destination)
                }
                try FileManager.default.moveItem(at: partial, to: destination)
                return Receipt(report: job, first: true)
            })
    }

    private static func put(_ bytes: Data, at place: URL) throws {
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try bytes.write(to: place, options: .atomic)
    }
}

/// The jobs that somebody put into the app's folder `jobs`, and their reports in `reports`.
public struct JobInbox: Sendable {
    public let jobs: URL
    public let reports: URL

    public init(jobs: URL, reports: URL) {
        self.jobs = jobs
        self.reports = reports
    }

    /// Makes both folders, for people to find: Files shows an app only where it has some.
    public func open() throws {
        for folder in [jobs, reports] {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
    }

    /// Those that have no report yet, by name.
    public func waiting() -> [(source: URL, destination: URL)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: jobs.path)) ?? []
        return names.filter { !$0.hasPrefix(".") }.sorted().compactMap { name in
            let destination = reports.appendingPathComponent(name)
            let source = jobs.appendingPathComponent(name)
            let hasJob = FileManager.default.fileExists(atPath: source.appendingPathComponent("job.json").path)
            return hasJob && !FileManager.default.fileExists(atPath: destination.path) ? (source, destination) : nil
        }
    }
}
