import BenchmarkRecords
import Foundation
import HostClient
import ModelRunner
import Support
import Testing

@testable import HarnessFeature

struct PlanCase: Sendable {
    let change: @Sendable (inout Job) -> Void
    let sentence: String

    init(_ change: @escaping @Sendable (inout Job) -> Void, _ sentence: String) {
        self.change = change
        self.sentence = sentence
    }
}

@Suite("What goes wrong in a run")
struct RefusalTests {
    let phone: ScriptedPhone
    let host = ScriptedHost()

    init() throws { phone = try ScriptedPhone() }

    @Test("a package that does not compile is reported with Core ML's words")
    func compile() async throws {
        phone.refusals.update { $0["compile"] = RunnerError("Unsupported operator", code: 4) }
        let report = try #require(try await phone.run(host.job(), of: host))
        #expect(report.failure == Failure(phase: .compile, message: "Unsupported operator", code: 4))
        #expect(report.units.map(\.computeUnits) == [.cpuOnly, .all])
        #expect(report.compileNs == nil)
    }

    @Test("a compute unit that does not load is left out, the other goes on")
    func load() async throws {
        phone.refusals.update { $0["load all"] = RunnerError("no Neural Engine", code: 3) }
        let report = try #require(try await phone.run(host.job(), of: host))
        #expect(report.units[1].failure == Failure(phase: .coldLoad, message: "no Neural Engine", code: 3))
        #expect(report.units[1].rounds.isEmpty)
        #expect(report.units[0].failure == nil)
        #expect(report.units[0].rounds.count == 2)
        #expect(report.failure == nil)
    }

    @Test("a prediction that fails in the second round leaves the first as it was")
    func secondRound() async throws {
        let made = Locked(0)
        let refusals = phone.refusals
        phone.beforePrediction.update {
            $0 = { units in
                guard units == .all else { return }
                // One first prediction, then rounds of one warm-up and three samples: this is the second's second
                // sample.
                if made.update({
                    $0 += 1; return $0
                }) == 8 {
                    refusals.update { $0["predict all"] = RunnerError("out of memory") }
                }
            }
        }
        let report = try #require(try await phone.run(host.job(), of: host))
        let unit = report.units[1]
        #expect(unit.failure == Failure(phase: .rounds, message: "out of memory"))
        #expect(unit.rounds.map(\.durationsNs.count) == [3, 1])
        #expect(report.units[0].rounds.map(\.durationsNs.count) == [3, 3])
    }

    @Test("a compute plan that cannot be had is a note")
    func plan() async throws {
        phone.refusals.update { $0["plan all"] = RunnerError("no plan") }
        let report = try #require(try await phone.run(host.job(), of: host))
        #expect(report.notes == ["plan.all": "no plan"])
        #expect(report.units[1].failure == nil)
        #expect(report.units[0].placements.count == 1)
    }

    @Test("a package that cannot be fetched is given back")
    func fetch() async throws {
        let job = host.job()
        host.blobs.update { $0 = [:] }
        #expect(try await phone.run(job, of: host) == nil)
        #expect(host.releases.value.map(\.retry) == [true])
        #expect(host.releases.value[0].reason.contains("no such blob"))
    }

    @Test(
        "a package that would leave its folder is refused",
        arguments: [
            ("/etc/passwd", "`/etc/passwd` is not a path inside a package"),
            ("../w", "`../w` is not a path inside a package"),
            ("a/../../w", "`a/../../w` is not a path inside a package"),
            ("a//w", "`a//w` is not a path inside a package"),
            ("./w", "`./w` is not a path inside a package"),
            ("a\\w", "`a\\w` is not a path inside a package"),
            ("", "`` is not a path inside a package"),
        ])
    func escapes(path: String, sentence: String) async throws {
        let job = host.job { $0.package.files[0].path = path }
        let report = try #require(try await phone.run(job, of: host))
        #expect(report.failure == Failure(phase: .fetch, message: sentence))
        #expect(phone.calls.value.isEmpty)
    }

    @Test(
        "a name that is a path is refused", arguments: ["../m.mlpackage", "a/b.mlpackage", "..", ""])
    func names(name: String) async throws {
        let report = try #require(try await phone.run(host.job { $0.package.name = name }, of: host))
        #expect(report.failure?.phase == .fetch)
        #expect(phone.calls.value.isEmpty)
    }

    @Test("a hash that is none is refused")
    func hash() async throws {
        let report = try #require(
            try await phone.run(host.job { $0.package.files[0].sha256 = "../../x" }, of: host))
        #expect(report.failure?.message == "`../../x` is not a SHA-256 in lowercase hexadecimal")
    }

    @Test("a file that is named twice is refused")
    func twice() async throws {
        let report = try #require(
            try await phone.run(host.job { $0.package.files.append($0.package.files[0]) }, of: host))
        #expect(report.failure?.message == "the package m.mlpackage names a file twice")
    }

    @Test(
        "a plan that would exhaust the phone is refused",
        arguments: [
            PlanCase({ $0.samples = [] }, "the job has no inputs"),
            PlanCase({ $0.plan.computeUnits = [] }, "the plan names no compute unit"),
            PlanCase({ $0.plan.computeUnits = [.all, .all] }, "the plan names a compute unit twice"),
            PlanCase({ $0.plan.rounds = -1 }, "the plan asks for -1 rounds; 0 to 10000 can be made"),
            PlanCase(
                { $0.plan.iterations = 1_000_000_000_000 },
                "the plan asks for 1000000000000 iterations a round; 1 to 1000000 can be made"
            ),
            PlanCase({ $0.plan.warmUp = -5 }, "the plan asks for -5 warm-up predictions; 0 to 1000000 can be made"),
            PlanCase({ $0.plan.coldLoads = 101 }, "the plan asks for 101 cold loads; 0 to 100 can be made"),
            PlanCase(
                { $0.plan.timeLimitSeconds = .infinity }, "a time of the plan is not between 0 and a million seconds"),
            PlanCase({ $0.plan.minimumSeconds = .nan }, "a time of the plan is not between 0 and a million seconds"),
        ])
    func plans(example: PlanCase) async throws {
        let report = try #require(try await phone.run(host.job("job-1", example.change), of: host))
        #expect(report.failure == Failure(phase: .fetch, message: example.sentence))
    }
}

@Suite("Conditions of a run")
struct RunConditionTests {
    let phone: ScriptedPhone
    let host = ScriptedHost()

    init() throws { phone = try ScriptedPhone() }

    @Test("are recorded at its start and its end")
    func startAndEnd() async throws {
        let report = try #require(try await phone.run(host.job(), of: host))
        #expect(report.conditions.first?.atNs == 0)
        #expect(report.conditions.last?.atNs == report.durationNs)
    }

    @Test("a change while samples are taken is recorded, and makes the run invalid")
    func change() async throws {
        let condition = phone.condition
        phone.beforePrediction.update { $0 = { _ in condition.update { $0.foreground = false } } }
        let report = try #require(try await phone.run(host.job(), of: host))
        #expect(report.conditions.contains { !$0.foreground })
        #expect(report.validity == Validity(valid: false, reasons: ["the app left the foreground"]))
    }

    @Test("the largest footprint of each compute unit is kept")
    func footprint() async throws {
        let condition = phone.condition
        phone.beforePrediction.update {
            $0 = { units in condition.update { $0.footprintBytes = units == .all ? 900 : 400 } }
        }
        let report = try #require(try await phone.run(host.job { $0.plan.outputs = false }, of: host))
        #expect(report.units[1].peakFootprintBytes == 900)
        // The reading before its own prediction still sees what the other unit left.
        #expect((400...900).contains(try #require(report.units[0].peakFootprintBytes)))
    }

    @Test("a hot device is waited for")
    func coolDown() async throws {
        let (condition, seconds) = (phone.condition, Locked(0))
        condition.update { $0.thermal = .serious }
        phone.whileCooling.update {
            $0 = {
                if seconds.update({
                    $0 += 1; return $0
                }) == 3 {
                    condition.update { $0.thermal = .fair }
                }
            }
        }
        let report = try #require(try await phone.run(host.job(), of: host))
        #expect(phone.calls.value.filter { $0 == "sleep 1" }.count == 3)
        #expect(report.units[0].rounds.count == 2)
    }

    @Test("a device that stays hot is waited for once, measured, and marked")
    func staysHot() async throws {
        phone.condition.update { $0.thermal = .critical }
        let report = try #require(try await phone.run(host.job { $0.plan.coolDownSeconds = 5 }, of: host))
        #expect(phone.calls.value.filter { $0 == "sleep 1" }.count == 5)
        #expect(report.units[0].rounds.count == 2)
        #expect(
            report.validity.reasons
                == ["the thermal state was critical while samples were taken; the plan allows fair"])
    }
}
