#if os(Linux)
    import BenchmarkRecords
    import Foundation
    import HarnessFeature
    import HostClient
    import ModelRunner
    import Support
    import Testing

    @testable import HarnessCommands

    /// One command line, run here: its status and what it said.
    struct Told: Sendable {
        let status: Int32
        let told: [String]
        let answered: [String]

        init(_ arguments: [String]) async {
            let (told, answered) = (Locked<[String]>([]), Locked<[String]>([]))
            let command = HarnessCommand(
                tell: { line in told.update { $0.append(line) } },
                answer: { line in answered.update { $0.append(line) } },
                environment: [:])
            status = await command.run(arguments)
            (self.told, self.answered) = (told.value, answered.value)
        }
    }

    func quickPlan() -> MeasurementPlan {
        var plan = MeasurementPlan()
        (plan.computeUnits, plan.rounds, plan.iterations, plan.warmUp) = ([.cpuOnly, .all], 2, 3, 1)
        return plan
    }

    @Suite("harness-cli")
    struct CommandTests {
        @Test(
            "a command line that is not understood ends with status 2 and says why",
            arguments: [
                (["fly"], "there is no command `fly`"),
                (["pair"], "pair needs a link, or --host and --token"),
                (["pair", "a", "b"], "pair takes one link"),
                (["pair", "--host", "http://h:1"], "--host and --token go together"),
                (["pair", "--hots", "x"], "there is no option --hots"),
                (["simulate", "--host"], "--host needs a value"),
                (["simulate", "--jobs", "-1", "--state", "/x"], "--jobs needs a whole number, not `-1`"),
                (["simulate", "--jobs=many"], "--jobs needs a whole number, not `many`"),
                (["simulate", "--jobs", "1", "--jobs=2"], "--jobs was given twice"),
                (["simulate", "word"], "`word` is not understood"),
                (["simulate", "--simulation", "/nowhere.json"], "--simulation: /nowhere.json cannot be read"),
                (["run"], "there is no Core ML on Linux: use simulate"),
                (["measure"], "measure needs a job folder and a report folder, or a package"),
                (["measure", "folder"], "measure needs a report folder after the job folder"),
                (
                    ["measure", "m.mlpackage", "--compute-units", "npu"],
                    "--compute-units: `npu` is none of cpuOnly, cpuAndGPU, cpuAndNeuralEngine, all"
                ),
            ])
        func usage(arguments: [String], sentence: String) async {
            let result = await Told(arguments)
            #expect(result.status == 2)
            #expect(result.told.first?.hasPrefix("harness-cli: \(sentence)\n") == true)
        }

        @Test("help is an answer", arguments: [["help"], ["--help"], []])
        func help(arguments: [String]) async {
            let result = await Told(arguments)
            #expect(result.status == 0)
            #expect(result.answered == [HarnessCommand.usage])
        }

        @Test("without a pairing there is nothing to do")
        func unpaired() async throws {
            let folder = try TemporaryFolder()
            let result = await Told(["simulate", "--state", folder.url.path])
            #expect(result.status == 2)
            #expect(result.told[0].hasPrefix("harness-cli: not paired: give --host and --token"))
        }

        @Test("pairs by the link of the QR code, once")
        func pairs() async throws {
            let host = try SmallHost()
            defer { host.stop() }
            let folder = try TemporaryFolder()
            let link = "mobiledeploy://pair?host=\(host.url.absoluteString)&token=\(SmallHost.token)"
            let result = await Told(["pair", link, "--state", folder.url.path, "--name", "tester"])
            #expect(result.status == 0)
            #expect(result.told == ["paired with \(host.url.absoluteString) as device-1"])
            #expect(host.pairings.map(\.device.name) == ["tester"])
            #expect(host.pairings[0].device.kind == .simulated)
            #expect(host.pairings[0].device.computeDevices == ["cpu", "gpu", "neuralEngine"])
            #expect(PairedHost.saved(in: Workspace(folder.url))?.secret == "SECRET")
        }

        @Test("a wrong token ends with status 5 and the host's words")
        func wrongToken() async throws {
            let host = try SmallHost()
            defer { host.stop() }
            let folder = try TemporaryFolder()
            let result = await Told([
                "pair", "--host", host.url.absoluteString, "--token", "00000000", "--state", folder.url.path,
            ])
            #expect(result.status == 5)
            #expect(result.told == ["harness-cli: No: token. Do otherwise."])
        }

        @Test("a simulated phone goes from pairing to stored report")
        func simulate() async throws {
            let host = try SmallHost()
            defer { host.stop() }
            let folder = try TemporaryFolder()
            host.offer("a", ModelPackage(), plan: quickPlan())
            host.offer("b", ModelPackage(simulation: #"{"loadErrors": {"all": "no"}}"#), plan: quickPlan())
            let result = await Told([
                "simulate", "--host", host.url.absoluteString, "--token", SmallHost.token, "--state", folder.url.path,
                "--hardware", "iPhone13,2", "--until-idle", "0",
            ])
            #expect(result.status == 0, "\(result.told)")
            let report = try #require(try host.report("a"))
            #expect(report.device.hardware == "iPhone13,2")
            #expect(report.package == ModelPackage().content().identity)
            #expect(report.units.map(\.rounds.count) == [2, 2])
            #expect(report.units[1].placements.map(\.operator) == ["conv", "relu", "linear"])
            let output = try #require(report.units[0].outputs.first?.outputs.first)
            #expect(host.holds(output.sha256)?.count == 16)
            #expect(report.validity.reasons.contains("the device is simulated"))
            #expect(try host.report("b")?.units[1].failure?.message == "no")
            #expect(result.told.contains("model.mlpackage: compile"))
        }

        @Test("a host that cuts and refuses for a while loses nothing")
        func disturbed() async throws {
            let host = try SmallHost()
            defer { host.stop() }
            let folder = try TemporaryFolder()
            host.offer("a", ModelPackage(), plan: quickPlan())
            #expect(
                await Told([
                    "pair", "--host", host.url.absoluteString, "--token", SmallHost.token, "--state", folder.url.path,
                ]).status == 0)
            host.disturb([.init(200, cutAfter: 0), .init(503), .init(200, body: Data(count: 9), cutAfter: 3)])
            let result = await Told(["simulate", "--state", folder.url.path, "--jobs", "1"])
            #expect(result.status == 0, "\(result.told)")
            #expect(try host.report("a")?.failure == nil)
        }

        @Test("measures a package here, with inputs of its own making")
        func measurePackage() async throws {
            let folder = try TemporaryFolder()
            var package = ModelPackage()
            package.inputs = [
                ("image", .image(height: 4, width: 3, colorSpace: 20)), ("mask", .array([2, 2], .int32)),
            ]
            try package.write(to: folder.file("m.mlpackage"))
            let result = await Told([
                "measure", folder.file("m.mlpackage").path, folder.file("report").path, "--state",
                folder.file("s").path,
                "--compute-units", "all,cpuOnly", "--rounds", "2", "--iterations", "5", "--warm-up", "1",
            ])
            #expect(result.status == 0, "\(result.told)")
            #expect(result.answered.count == 3)
            #expect(result.answered[0].hasPrefix("all: median "))
            #expect(result.answered[0].hasSuffix(" 10 samples"))
            #expect(result.answered[2].hasPrefix("not valid: "))
            let report: BenchmarkReport = try WireDocument.decode(
                from: Data(contentsOf: folder.file("report/report.json")))
            #expect(report.package == package.content().identity)
        }

        @Test("a package that is not there ends with status 5")
        func noPackage() async throws {
            let folder = try TemporaryFolder()
            let missing = folder.file("m.mlpackage").path
            let result = await Told(["measure", missing, "--state", folder.file("s").path])
            #expect(result.status == 5)
            #expect(result.told == ["harness-cli: there is no package at \(missing)"])
        }
    }

    @Suite("Sentences of a worker")
    struct NarratorTests {
        private func report(_ change: (inout BenchmarkReport) -> Void = { _ in }) -> BenchmarkReport {
            var report = BenchmarkReport(
                id: "r", job: "j", package: "p", device: .example, app: .example, plan: quickPlan(), started: "s",
                durationNs: 1, clock: "c", clockResolutionNs: 1, overheadNs: 1, units: [], conditions: [],
                validity: Validity(valid: true))
            change(&report)
            return report
        }

        @Test("say what happens")
        func sentences() {
            let problem = Problem(status: 409, code: .conflict, message: "Another report is there.", remedy: "")
            let said: [(Worker.Update, String)] = [
                (.waiting, "waiting for a job"),
                (
                    .running(RunProgress(phase: .rounds, computeUnits: .all, round: 3), package: "m"),
                    "m: rounds on all, round 3"
                ),
                (.running(RunProgress(phase: .fetch), package: "m"), "m: fetch"),
                (.finished(report()), "j: measured, valid"),
                (
                    .finished(report { $0.validity = Validity(valid: false, reasons: ["a", "b"]) }),
                    "j: measured, not valid: a; b"
                ),
                (.finished(report { $0.failure = Failure(phase: .compile, message: "no") }), "j: no"),
                (.released(Release(reason: "stopped"), package: "m"), "m: given back, stopped"),
                (.delivered(.stored(Receipt(report: "r", first: true))), "report r stored"),
                (.delivered(.stored(Receipt(report: "r", first: false))), "report r stored (it was before)"),
                (.delivered(.unwanted(problem)), "report not taken: Another report is there."),
                (.unreachable("cut", again: 4), "no answer from the host (cut); again in 4 s"),
            ]
            for (update, sentence) in said { #expect("\(update)" == sentence) }
        }

        @Test("are said once")
        func once() {
            let lines = Locked<[String]>([])
            let narrator = Narrator { line in lines.update { $0.append(line) } }
            for fraction in [0, 0.5, 1] {
                narrator.tell(.running(RunProgress(phase: .fetch, fraction: fraction), package: "m"))
            }
            narrator.tell(.waiting)
            #expect(lines.value == ["m: fetch", "waiting for a job"])
        }

        @Test("a report in short names failures and what was not reached")
        func table() {
            var run = UnitRun(computeUnits: .all)
            run.rounds = [Round(startsNs: [0, 9, 9], durationsNs: [3_000_000, 1_000_000, 2_000_000])]
            run.failure = Failure(phase: .rounds, message: "out of memory")
            let lines = HarnessCommand.table(
                report {
                    $0.units = [run]
                    $0.failure = Failure(phase: .rounds, message: "the app was killed", died: true)
                })
            #expect(
                lines == [
                    "all: median 2.000 ms, lowest 1.000 ms, cold load -, cached -, first prediction -, 3 samples"
                        + "  rounds: out of memory",
                    "the app was killed", "valid",
                ])
        }
    }
#endif
