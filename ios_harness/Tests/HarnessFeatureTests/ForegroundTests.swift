import BenchmarkRecords
import Foundation
import HostClient
import Support
import Testing

@testable import HarnessFeature

/// An app that was launched a moment ago is not in front yet, and one that somebody has left is not any more.
@Suite("An app that is not in front")
struct ForegroundTests {
    let phone: ScriptedPhone
    let host = ScriptedHost()
    private let naps = Locked(0)

    /// In front after the third nap.
    init() throws {
        phone = try ScriptedPhone()
        phone.condition.update { $0.foreground = false }
        phone.whileCooling.update { [naps, condition = phone.condition] hook in
            hook = {
                let count = naps.update { naps in
                    naps += 1
                    return naps
                }
                if count == 3 { condition.update { $0.foreground = true } }
            }
        }
    }

    @Test("begins no job that came as files; the one it begins later is valid")
    func files() async throws {
        let (jobs, reports) = (phone.folder.file("jobs"), phone.folder.file("reports"))
        let blobs = jobs.appendingPathComponent("job-1/blobs")
        try FileManager.default.createDirectory(at: blobs, withIntermediateDirectories: true)
        let document = jobs.appendingPathComponent("job-1/job.json")
        try WireDocument.encode(host.job()).write(to: document)
        for (hash, data) in host.blobs.value { try data.write(to: blobs.appendingPathComponent(hash)) }
        let session = PhoneSession(environment: phone.environment, inbox: JobInbox(jobs: jobs, reports: reports)) {
            [client = host.client] _, _ in client
        }
        try await session.run { _ in }
        #expect(phone.calls.value.prefix(4) == ["sleep 0", "sleep 0", "sleep 0", "compile"])
        let data = try Data(contentsOf: reports.appendingPathComponent("job-1/report.json"))
        #expect(try WireDocument.decode(BenchmarkReport.self, from: data).validity == Validity(valid: true))
    }

    @Test("asks the host for no job")
    func host() async throws {
        host.offer(host.job())
        try await Worker(
            environment: phone.environment, client: host.client, heartbeatSeconds: 0.05, limits: .init(jobs: 1)
        ).run()
        #expect(phone.calls.value.prefix(4) == ["sleep 0", "sleep 0", "sleep 0", "compile"])
        #expect(try host.stored()?.validity == Validity(valid: true))
    }

    @Test("waits no longer than its task lives")
    func cancelled() async throws {
        phone.whileCooling.update { $0 = nil }
        var environment = phone.environment
        environment.sleep = { _ in try Task.checkCancellation() }
        let waiting = environment
        let task = Task { try await waiting.untilInFront() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
