import BenchmarkRecords
import Foundation
import HostClient

/// Keeps a lease while something is done: the host gives the job to nobody else.
struct LeaseRenewal: Sendable {
    let client: HostClient
    let lease: String
    let seconds: Double
    let progress: @Sendable () -> RunProgress
    /// Called once, when nobody waits for the job any more.
    let whenCancelled: @Sendable () -> Void

    /// A heartbeat that is lost, or a lease that is, stops nothing: a report is taken as long as the job has none.
    func during<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        let beats = Task {
            while !Task.isCancelled {
                let answer = try? await client.heartbeat(lease, Heartbeat(progress: progress()))
                if answer?.cancelled == true { return whenCancelled() }
                // Whatever the host has said, infinity included.
                try? await Task.sleep(nanoseconds: UInt64(min(3600, max(0.05, seconds)) * 1e9))
            }
        }
        defer { beats.cancel() }
        return try await body()
    }
}
