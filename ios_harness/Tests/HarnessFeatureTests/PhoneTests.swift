import BenchmarkRecords
import Foundation
import HostClient
import Support
import Testing

@testable import HarnessFeature

private func report(_ id: String, valid: Bool = true, failure: Failure? = nil) -> BenchmarkReport {
    BenchmarkReport(
        id: id, job: "job-\(id)", package: "p", device: .example, app: .example, plan: MeasurementPlan(), started: "s",
        durationNs: 1, clock: "c", clockResolutionNs: 1, overheadNs: 1, units: [], conditions: [],
        validity: Validity(valid: valid, reasons: valid ? [] : ["it was hot"]), failure: failure)
}

@Suite("Phone's screen")
struct PhoneScreenTests {
    @Test("stands still within a phase")
    func still() {
        var screen = PhoneScreen()
        let changes = [0.0, 0.5, 1.0].map { fraction in
            screen.show(
                .running(RunProgress(phase: .rounds, computeUnits: .all, round: 2, fraction: fraction), package: "m"))
        }
        #expect(changes == [true, false, false])
        #expect(screen.status == "m: rounds on all, round 2")
        #expect(screen.isMeasuring)
    }

    @Test("lists what is finished, the newest first, and what of it is valid")
    func finished() {
        var screen = PhoneScreen()
        for update in [
            report("a"), report("b", valid: false), report("c", failure: Failure(phase: .compile, message: "no")),
        ] {
            screen.show(.finished(update))
        }
        #expect(
            screen.finished.map(\.text) == [
                "job-c: no", "job-b: measured, not valid: it was hot", "job-a: measured, valid",
            ])
        #expect(screen.finished.map(\.isValid) == [false, false, true])
        #expect(!screen.isMeasuring)
    }

    @Test("shows a problem until something goes on")
    func problem() {
        var screen = PhoneScreen()
        screen.show(ConnectionLost("no network"))
        #expect(screen.problem == "no network")
        screen.show(.waiting)
        #expect(screen.problem == nil)
        #expect(screen.status == "waiting for a job")
    }
}

@Suite("Phone's session")
struct PhoneSessionTests {
    let phone: ScriptedPhone
    let host = ScriptedHost()
    let updates = Locked<[Worker.Update]>([])

    init() throws { phone = try ScriptedPhone() }

    private var session: PhoneSession {
        let inbox = JobInbox(jobs: phone.folder.file("jobs"), reports: phone.folder.file("reports"))
        return PhoneSession(environment: phone.environment, inbox: inbox) { [client = host.client] _, _ in client }
    }

    private func put(_ job: Job, blobs: Bool = true) throws {
        let folder = phone.folder.file("jobs/\(job.id)")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("blobs"), withIntermediateDirectories: true)
        try WireDocument.encode(job).write(to: folder.appendingPathComponent("job.json"))
        for (hash, data) in host.blobs.value where blobs {
            try data.write(to: folder.appendingPathComponent("blobs/\(hash)"))
        }
    }

    private func run() async throws {
        let updates = updates
        try await session.run { update in updates.update { $0.append(update) } }
    }

    @Test("measures the jobs that came as files, and ends where no host is paired")
    func inbox() async throws {
        try put(host.job("a"))
        try put(host.job("b"))
        try await run()
        let names = try FileManager.default.contentsOfDirectory(atPath: phone.folder.file("reports").path).sorted()
        #expect(names == ["a", "b"])
        #expect(updates.value.filter { if case .finished = $0 { true } else { false } }.count == 2)
    }

    @Test("a job folder that is none is shown, and the next one measured")
    func broken() async throws {
        try put(host.job("b"))
        let folder = phone.folder.file("jobs/a")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: folder.appendingPathComponent("job.json"))
        try await run()
        let reason = "no `schema` field; expected mobiledeploy.job/1"
        #expect(updates.value.contains(.released(Release(reason: reason, retry: false), package: "a")))
        #expect(FileManager.default.fileExists(atPath: phone.folder.file("reports/b/report.json").path))
    }

    @Test("pairs, and then does the host's jobs until it is cancelled")
    func paired() async throws {
        #expect(session.pairedHost == nil)
        let paired = try await session.pair(PairingLink(host: "http://10.0.0.2:8477", token: "7KQ2M9XD"))
        #expect(session.pairedHost == paired)
        host.offer(host.job())
        let reports = host.reports
        let task = Task { try await run() }
        while reports.value.isEmpty { try await Task.sleep(nanoseconds: 5_000_000) }
        task.cancel()
        // The scripted host answers at once that there is no job; the session asks until it is cancelled.
        host.failures.update { $0["nextJob"] = [CancellationError()] }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(reports.value.keys.sorted() == ["job-1"])
    }
}
