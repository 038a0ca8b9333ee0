import BenchmarkRecords
import Foundation
import HostClient
import ModelRunner
import Support
import Testing

@testable import HarnessFeature

/// Every event of a run that went well.
private func events(_ phone: ScriptedPhone, _ host: ScriptedHost) async throws -> [RunEvent] {
    let report = try #require(try await phone.run(host.job(), of: host))
    let folder = phone.workspace.run(report.id)
    defer { try? FileManager.default.removeItem(at: folder.url) }
    return try Journal.read(folder.journal)
}

@Suite("Recovery after a kill")
struct RecoveryTests {
    let phone: ScriptedPhone
    let host = ScriptedHost()

    init() throws { phone = try ScriptedPhone() }

    /// The journal as a killed process left it, and what the next start makes of it.
    private func recovered(_ journal: Data) throws -> BenchmarkReport? {
        let folder = phone.workspace.run("killed")
        try FileManager.default.createDirectory(at: folder.models, withIntermediateDirectories: true)
        try journal.write(to: folder.journal)
        let pending = try RunRecovery(workspace: phone.workspace).pending()
        return try pending.first.map { try WireDocument.decode(from: Data(contentsOf: $0.report)) }
    }

    private func lines(_ events: ArraySlice<RunEvent>) throws -> Data {
        try events.map { try WireDocument.encode($0) + Data([0x0A]) }.reduce(Data(), +)
    }

    @Test("a journal adds up to the report that was written")
    func replay() async throws {
        let report = try #require(try await phone.run(host.job(), of: host))
        let journal = try Journal.read(phone.workspace.run(report.id).journal)
        #expect(RunState(replaying: journal)?.report == report)
    }

    @Test("model, unit and phase that died are named, and what was measured is kept")
    func died() async throws {
        let all = try await events(phone, host)
        let second = try #require(
            all.lastIndex { if case .entered(.rounds, .all, 2, _) = $0 { true } else { false } })
        let report = try #require(try recovered(lines(all[...second])))
        let failure = Failure(
            phase: .rounds, message: "the app was killed in phase rounds of m.mlpackage on all, round 2", died: true)
        #expect(report.failure == failure)
        #expect(report.units[1].failure == failure)
        #expect(report.units[0].failure == nil)
        #expect(report.units.map(\.rounds.count) == [2, 1])
        #expect(report.compileNs == 7_000)
    }

    @Test("a death at any moment gives a report, or nothing where nothing had begun")
    func anyMoment() async throws {
        let all = try await events(phone, host)
        for count in 0...all.count {
            let report = try recovered(lines(all[..<count]))
            #expect((report == nil) == (count == 0))
            #expect(report?.failure?.died == (count == all.count ? nil : count == 0 ? nil : true))
            try? FileManager.default.removeItem(at: phone.workspace.runs)
        }
    }

    @Test("a line that was cut is left out")
    func cutLine() async throws {
        let all = try await events(phone, host)
        let whole = try lines(all[..<20])
        let report = try #require(try recovered(whole + lines(all[20..<21]).dropLast(5)))
        var state = try #require(RunState(replaying: Array(all[..<20])))
        state.markDied()
        #expect(report == state.report)
    }

    @Test("a journal that is opened again goes on at its end")
    func reopened() throws {
        let file = phone.folder.file("journal.jsonl")
        let events: [RunEvent] = [.compiled(ns: 1), .readClock(resolutionNs: 2, overheadNs: 3)]
        for event in events { try Journal(file).append(event) }
        #expect(try Journal.read(file) == events)
    }

    @Test("a run that died before its first line leaves nothing")
    func nothing() throws {
        #expect(try recovered(Data()) == nil)
        #expect((try? FileManager.default.contentsOfDirectory(atPath: phone.workspace.runs.path)) == [])
    }

    @Test("copies of models do not stay behind")
    func copies() async throws {
        _ = try recovered(lines(try await events(phone, host)[..<5]))
        #expect(!FileManager.default.fileExists(atPath: phone.workspace.run("killed").models.path))
    }

    @Test("a report is left for people too, with its outputs")
    func shared() async throws {
        let report = try #require(try await phone.run(host.job(), of: host))
        let copy = phone.folder.file("shared/job-1")
        #expect(try WireDocument.decode(from: Data(contentsOf: copy.appendingPathComponent("report.json"))) == report)
        let output = copy.appendingPathComponent("blobs/\(SHA256Digest.hex([1]))")
        #expect(try Data(contentsOf: output) == Data([1]))
    }

    @Test("a job whose name is a path is not left anywhere")
    func unsafeName() async throws {
        let report = try #require(try await phone.run(host.job("../../evil"), of: host))
        #expect(report.job == "../../evil")
        #expect((try? FileManager.default.contentsOfDirectory(atPath: phone.folder.file("shared").path)) == nil)
    }
}

@Suite("Delivery")
struct DeliveryTests {
    let phone: ScriptedPhone
    let host = ScriptedHost()

    init() throws { phone = try ScriptedPhone() }

    private func deliver() async throws -> [RunRecovery.Delivery] {
        let recovery = RunRecovery(workspace: phone.workspace)
        var deliveries: [RunRecovery.Delivery] = []
        for folder in try recovery.pending() { deliveries.append(try await recovery.deliver(folder, to: host.client)) }
        return deliveries
    }

    @Test("sends outputs, then the report, and forgets the run")
    func whole() async throws {
        let report = try #require(try await phone.run(host.job(), of: host))
        #expect(try await deliver() == [.stored(Receipt(report: "job-1", first: true))])
        #expect(try host.stored() == report)
        #expect(host.uploads.value == [SHA256Digest.hex([1]): Data([1])])
        #expect(try await deliver().isEmpty)
    }

    @Test("is tried again, with the same bytes, after the connection was lost")
    func again() async throws {
        try await phone.run(host.job(), of: host)
        host.failures.update { $0["report"] = [ConnectionLost("cut")] }
        let first = try Data(contentsOf: try RunRecovery(workspace: phone.workspace).pending()[0].report)
        await #expect(throws: ConnectionLost("cut")) { try await deliver() }
        #expect(try await deliver().count == 1)
        #expect(host.reports.value["job-1"] == first)
    }

    @Test("ends where the host has another report for the job")
    func conflict() async throws {
        try await phone.run(host.job(), of: host)
        let problem = Problem(status: 409, code: .conflict, message: "m", remedy: "r")
        host.failures.update { $0["report"] = [Refused(problem: problem)] }
        #expect(try await deliver() == [.unwanted(problem)])
        #expect(try await deliver().isEmpty)
    }

    @Test("waits where the host must be paired with again")
    func unpaired() async throws {
        try await phone.run(host.job(), of: host)
        let problem = Problem(status: 401, code: .unpaired, message: "m", remedy: "r")
        host.failures.update { $0["upload"] = [Refused(problem: problem)] }
        await #expect(throws: Refused(problem: problem)) { try await deliver() }
        #expect(try await deliver().count == 1)
    }
}
