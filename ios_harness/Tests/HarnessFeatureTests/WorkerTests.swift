import BenchmarkRecords
import Foundation
import HostClient
import ModelRunner
import Support
import Testing

@testable import HarnessFeature

@Suite("Worker")
struct WorkerTests {
    let phone: ScriptedPhone
    let host = ScriptedHost()
    let updates = Locked<[Worker.Update]>([])

    init() throws { phone = try ScriptedPhone() }

    private func work(_ limits: Worker.Limits) async throws {
        let updates = updates
        try await Worker(
            environment: phone.environment, client: host.client, heartbeatSeconds: 0.05, limits: limits,
            update: { update in updates.update { $0.append(update) } }
        ).run()
    }

    @Test("does job after job until there is none, and delivers each")
    func jobs() async throws {
        for id in ["a", "b", "c"] { host.offer(host.job(id)) }
        try await work(Worker.Limits(idleSeconds: 0))
        #expect(host.reports.value.keys.sorted() == ["a", "b", "c"])
        let delivered = updates.value.filter { if case .delivered(.stored(let r)) = $0 { r.first } else { false } }
        #expect(delivered.count == 3)
    }

    @Test("ends after so many jobs, their reports delivered")
    func limited() async throws {
        for id in ["a", "b", "c"] { host.offer(host.job(id)) }
        try await work(Worker.Limits(jobs: 2, idleSeconds: 0))
        #expect(host.reports.value.keys.sorted() == ["a", "b"])
    }

    @Test("begins with what an earlier start left")
    func leftOver() async throws {
        let report = try #require(try await phone.run(host.job("old"), of: host))
        try await work(Worker.Limits(jobs: 0, idleSeconds: 0))
        #expect(try host.stored("old") == report)
    }

    @Test("delivers what an earlier start left before it asks for a job")
    func leftOverFirst() async throws {
        let report = try #require(try await phone.run(host.job("old"), of: host))
        try await work(Worker.Limits(idleSeconds: 0))
        #expect(try host.stored("old") == report)
        #expect(updates.value.last == .waiting)
    }

    @Test("waits for a host that does not answer, ever longer, and goes on")
    func unreachable() async throws {
        let busy = Refused(problem: Problem(status: 503, code: .busy, message: "m", remedy: "r"))
        host.failures.update { $0["nextJob"] = [ConnectionLost("x"), busy, ConnectionLost("x")] }
        host.offer(host.job())
        try await work(Worker.Limits(idleSeconds: 0))
        #expect(phone.calls.value.filter { $0.hasPrefix("sleep") } == ["sleep 1", "sleep 2", "sleep 4"])
        #expect(host.reports.value.count == 1)
        #expect(updates.value.contains(.unreachable("x", again: 1)))
    }

    @Test("ends where the host does not know it")
    func unpaired() async throws {
        let problem = Problem(status: 401, code: .unpaired, message: "m", remedy: "r")
        host.failures.update { $0["nextJob"] = [Refused(problem: problem)] }
        await #expect(throws: Refused(problem: problem)) { try await work(Worker.Limits(idleSeconds: 0)) }
    }

    @Test("keeps its lease until the host has the report")
    func leaseWhileDelivering() async throws {
        host.offer(host.job())
        let (beats, seen) = (host.heartbeats, Locked(0))
        host.whenUploading.update {
            $0 = {
                let before = beats.value.count
                let deadline = Date(timeIntervalSinceNow: 60)
                while beats.value.count < before + 2, Date() < deadline { try await Task.sleep(nanoseconds: 1_000_000) }
                seen.update { $0 = beats.value.count - before }
            }
        }
        try await work(Worker.Limits(jobs: 1, idleSeconds: 0))
        #expect(seen.value >= 2)
        #expect(beats.value.last == RunProgress(phase: .outputs, fraction: 1))
        #expect(host.reports.value.count == 1)
    }

    @Test("gives back what it cannot fetch, and goes on with the next job")
    func released() async throws {
        host.offer(host.job("a"))
        host.failures.update { $0["download"] = [ConnectionLost("cut")] }
        host.offer(host.job("b"))
        try await work(Worker.Limits(idleSeconds: 0))
        #expect(host.releases.value.count == 1)
        #expect(host.reports.value.keys.sorted() == ["b"])
    }

    @Test("gives its job back when its task is cancelled")
    func cancelled() async throws {
        host.offer(host.job { $0.plan.rounds = 10_000 })
        phone.beforePrediction.update { $0 = { _ in usleep(2_000) } }
        let (phone, host) = (phone, host)
        let task = Task {
            try await Worker(environment: phone.environment, client: host.client, heartbeatSeconds: 0.05).run()
        }
        try await Task.sleep(nanoseconds: 300_000_000)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(host.releases.value == [Release(reason: "the phone was told to stop", retry: true)])
        #expect(host.reports.value.isEmpty)
    }
}

@Suite("Pairing")
struct PairingTests {
    @Test("is kept between starts, for the user alone")
    func kept() async throws {
        let phone = try ScriptedPhone()
        #expect(PairedHost.saved(in: phone.workspace) == nil)
        let link = try PairingLink(host: "http://10.0.0.2:8477", token: "7KQ2M9XD")
        let paired = try await PairedHost.pair(link, client: ScriptedHost().client, environment: phone.environment)
        #expect(PairedHost.saved(in: phone.workspace) == paired)
        #expect(paired.secret == "s")
        let attributes = try FileManager.default.attributesOfItem(atPath: phone.workspace.pairing.path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test("with a host of another version is refused with what to do")
    func version() async throws {
        let phone = try ScriptedPhone()
        var client = ScriptedHost().client
        client.pair = { _ in
            PairingAnswer(deviceID: "d", secret: "s", protocol: 2, heartbeatSeconds: 1, leaseSeconds: 5)
        }
        let link = try PairingLink(host: "http://10.0.0.2:8477", token: "7KQ2M9XD")
        await #expect(throws: WireError("the host speaks version 2 of the protocol: update the app")) {
            try await PairedHost.pair(link, client: client, environment: phone.environment)
        }
        #expect(PairedHost.saved(in: phone.workspace) == nil)
    }
}

@Suite("Job folders")
struct JobFolderTests {
    let phone: ScriptedPhone
    let host = ScriptedHost()

    init() throws { phone = try ScriptedPhone() }

    private func write(_ job: Job) throws -> (source: URL, destination: URL) {
        let source = phone.folder.file("jobs/one")
        try FileManager.default.createDirectory(
            at: source.appendingPathComponent("blobs"), withIntermediateDirectories: true)
        try WireDocument.encode(job).write(to: source.appendingPathComponent("job.json"))
        for (hash, data) in host.blobs.value { try data.write(to: source.appendingPathComponent("blobs/\(hash)")) }
        try FileManager.default.createDirectory(at: phone.folder.file("reports"), withIntermediateDirectories: true)
        return (source, phone.folder.file("reports/one"))
    }

    @Test("a job that came as files goes back as files")
    func whole() async throws {
        let (source, destination) = try write(host.job())
        let report = try await JobFolder(source: source, destination: destination).measure(phone.environment)
        #expect(
            try WireDocument.decode(from: Data(contentsOf: destination.appendingPathComponent("report.json"))) == report
        )
        let output = report.units[0].outputs[0].outputs[0]
        #expect(try Data(contentsOf: destination.appendingPathComponent("blobs/\(output.sha256)")) == Data([1]))
        #expect(try FileManager.default.contentsOfDirectory(atPath: phone.folder.file("reports").path) == ["one"])
    }

    @Test("the inbox lists what has no report yet")
    func inbox() async throws {
        let inbox = JobInbox(jobs: phone.folder.file("jobs"), reports: phone.folder.file("reports"))
        #expect(inbox.waiting().isEmpty)
        let (source, destination) = try write(host.job())
        try FileManager.default.createDirectory(
            at: phone.folder.file("jobs/without-job"), withIntermediateDirectories: true)
        #expect(inbox.waiting().map(\.source.lastPathComponent) == ["one"])
        _ = try await JobFolder(source: source, destination: destination).measure(phone.environment)
        #expect(inbox.waiting().isEmpty)
    }

    @Test("a run that died is reported as it is, not begun again")
    func died() async throws {
        let (source, destination) = try write(host.job())
        let folder = phone.workspace.run("killed")
        try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
        let header = RunHeader(
            id: "killed", job: host.job(), device: .example, app: .example, started: "2026-11-20T00:00:00Z", clock: "c")
        let journal = try Journal(folder.journal)
        try journal.append(.began(header))
        try journal.append(.entered(phase: .coldLoad, units: .all, round: nil, atNs: 5))
        let report = try await JobFolder(source: source, destination: destination).measure(phone.environment)
        #expect(report.id == "killed")
        #expect(report.units[1].failure?.died == true)
        #expect(phone.calls.value.isEmpty)
    }

    @Test("a blob that is missing or spoiled is named")
    func blobs() async throws {
        let (source, destination) = try write(host.job())
        let blob = source.appendingPathComponent("blobs/\(SHA256Digest.hex([1, 2, 3]))")
        try Data([9]).write(to: blob)
        let folder = try JobFolder(source: source, destination: destination)
        #expect(try await folder.measure(phone.environment).failure?.message == "\(blob.path) has other bytes")
        try FileManager.default.removeItem(at: blob)
        #expect(try await folder.measure(phone.environment).failure?.message == "\(blob.path) is missing")
    }

    @Test("a folder without a job is refused")
    func noJob() throws {
        let empty = phone.folder.url
        #expect(throws: WireError("\(empty.path) holds no job.json")) {
            try JobFolder(source: empty, destination: empty)
        }
    }
}
