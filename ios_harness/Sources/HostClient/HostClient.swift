import BenchmarkRecords
import Foundation

/// What a phone says to a host (docs/protocol.md). Live: `HostClient.speaking(over:…)` over a transport; tests build
/// their own of closures. Everything throws `Refused`, `ConnectionLost` or `WireError`, and may be repeated.
public struct HostClient: Sendable {
    public var pair: @Sendable (PairingRequest) async throws -> PairingAnswer
    /// Waits up to so many seconds for a job; nil where none came.
    public var nextJob: @Sendable (_ waitSeconds: Int) async throws -> Lease?
    public var heartbeat: @Sendable (_ lease: String, Heartbeat) async throws -> HeartbeatAnswer
    public var release: @Sendable (_ lease: String, Release) async throws -> Void
    /// Leaves the blob at `destination`, its hash compared. What had come before an interruption is not fetched again.
    public var download: @Sendable (BlobIdentity, _ destination: URL) async throws -> Void
    public var upload: @Sendable (BlobIdentity, _ file: URL) async throws -> Void
    /// `report`: the bytes of a BenchmarkReport; the same bytes at every repetition.
    public var report: @Sendable (_ job: String, _ report: Data) async throws -> Receipt

    public init(
        pair: @escaping @Sendable (PairingRequest) async throws -> PairingAnswer,
        nextJob: @escaping @Sendable (Int) async throws -> Lease?,
        heartbeat: @escaping @Sendable (String, Heartbeat) async throws -> HeartbeatAnswer,
        release: @escaping @Sendable (String, Release) async throws -> Void,
        download: @escaping @Sendable (BlobIdentity, URL) async throws -> Void,
        upload: @escaping @Sendable (BlobIdentity, URL) async throws -> Void,
        report: @escaping @Sendable (String, Data) async throws -> Receipt
    ) {
        self.pair = pair
        self.nextJob = nextJob
        self.heartbeat = heartbeat
        self.release = release
        self.download = download
        self.upload = upload
        self.report = report
    }
}

public struct BlobIdentity: Hashable, Sendable {
    public var sha256: String
    public var bytes: Int

    public init(sha256: String, bytes: Int) {
        self.sha256 = sha256
        self.bytes = bytes
    }
}
