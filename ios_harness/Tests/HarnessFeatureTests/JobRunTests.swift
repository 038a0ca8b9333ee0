import BenchmarkRecords
import Foundation
import HostClient
import ModelRunner
import Support
import Testing

@testable import HarnessFeature

@Suite("A run")
struct JobRunTests {
    let phone: ScriptedPhone
    let host = ScriptedHost()

    init() throws { phone = try ScriptedPhone() }

    @Test("goes through its phases in their order, compute units taking turns")
    func order() async throws {
        try await phone.run(host.job(), of: host)
        let opening = { (units: String) in ["load \(units)", "load \(units)", "predict \(units)"] }
        let round = { (units: String) in ["load \(units)"] + Array(repeating: "predict \(units)", count: 4) }
        let turns = round("cpuOnly") + round("all")
        #expect(
            phone.calls.value == ["compile"] + opening("cpuOnly") + opening("all") + turns + turns + [
                "load cpuOnly", "predict cpuOnly", "load all", "predict all", "plan cpuOnly", "plan all",
            ])
    }

    @Test("times each step, and every sample since the start of the run")
    func times() async throws {
        phone.predictionNs.update { $0 = [.cpuOnly: 1000, .all: 10] }
        let report = try #require(try await phone.run(host.job(), of: host))
        #expect(report.compileNs == 7_000)
        let cpu = report.units[0]
        #expect(cpu.computeUnits == .cpuOnly)
        #expect(cpu.coldLoadNs == [500])
        #expect(cpu.cachedLoadNs == 500)
        #expect(cpu.firstPredictionNs == 1000)
        // Compiled at 7000; two loads and a prediction of each unit; then the reload, and one to warm up.
        let start = 7_000 + 2_000 + 1_010 + 500 + 1_000
        #expect(
            cpu.rounds[0]
                == Round(
                    startsNs: [start, start + 1000, start + 2000], durationsNs: [1000, 1000, 1000], warmUpNs: [1000],
                    loadNs: 500))
        #expect(report.units[1].rounds[1].durationsNs == [10, 10, 10])
        #expect(report.clock == "manual")
        #expect(report.durationNs == phone.clock.now())
    }

    @Test("says who measured what, and when")
    func identities() async throws {
        let job = host.job()
        let report = try #require(try await phone.run(job, of: host))
        #expect(report.job == "job-1")
        #expect(report.package == job.package.identity)
        #expect(report.plan == job.plan)
        #expect(report.started == "2026-09-21T14:13:20Z")
        #expect(report.device.computeDevices == ["cpu", "neuralEngine"])
        #expect(report.device.neuralEngineCores == 16)
        #expect(report.validity == Validity(valid: true))
        #expect(report.failure == nil)
    }

    @Test("sends the outputs on every sample, and where operators run")
    func outputs() async throws {
        var job = host.job()
        job.samples.append(JobSample(name: "dog", inputs: job.samples[0].inputs + job.samples[0].inputs))
        let report = try #require(try await phone.run(job, of: host))
        let outputs = report.units[1].outputs
        #expect(outputs.map(\.sample) == ["cat", "dog"])
        #expect(outputs[1].outputs[0].sha256 == SHA256Digest.hex([2]))
        let file = phone.workspace.run(report.id).output(SHA256Digest.hex([2]))
        #expect(try Data(contentsOf: file) == Data([2]))
        #expect(report.units[1].placements.map(\.operator) == ["conv"])
    }

    @Test("says which outputs it could not send, per compute unit, and nothing where there are none")
    func leftOut() async throws {
        phone.leftOut.update { $0[.all] = ["label (string)", "top (sequence)"] }
        let report = try #require(try await phone.run(host.job(), of: host))
        #expect(
            report.notes == [
                "outputs.all": "not sent, as they are no arrays of numbers: label (string), top (sequence)"
            ])
    }

    @Test("does without outputs, compute plan and reloads where the plan says so")
    func less() async throws {
        let job = host.job {
            $0.plan.outputs = false; $0.plan.computePlan = false; $0.plan.reload = false
        }
        let report = try #require(try await phone.run(job, of: host))
        #expect(phone.calls.value.filter { $0 == "load all" }.count == 2)
        #expect(report.units.allSatisfy { $0.outputs.isEmpty && $0.placements.isEmpty })
        #expect(report.units[0].rounds.map(\.loadNs) == [nil, nil])
    }

    @Test("makes as many cold loads as asked for, each from a path of its own")
    func coldLoads() async throws {
        let report = try #require(try await phone.run(host.job { $0.plan.coldLoads = 3 }, of: host))
        #expect(report.units[0].coldLoadNs == [500, 500, 500])
        let cold = ComputeUnits.allCases.flatMap { units in
            phone.loads.value.filter { $0.computeUnits == units }.prefix(3).map(\.compiled)
        }
        #expect(cold.count == 6)
        #expect(Set(cold).count == 6)
    }

    @Test("loads again from the path that was loaded last")
    func cachedLoads() async throws {
        try await phone.run(host.job { $0.plan.coldLoads = 2 }, of: host)
        let paths = phone.loads.value.filter { $0.computeUnits == .all }.map(\.compiled)
        #expect(Set(paths).count == 2)
        #expect(paths.dropFirst(2).allSatisfy { $0 == paths[1] })
    }

    @Test("without cold loads, loads once from the kept path before the cached load is timed")
    func noColdLoad() async throws {
        let report = try #require(try await phone.run(host.job { $0.plan.coldLoads = 0 }, of: host))
        #expect(report.units[0].coldLoadNs.isEmpty)
        #expect(report.units[0].cachedLoadNs == 300)
        #expect(phone.calls.value.prefix(4) == ["compile", "load cpuOnly", "load cpuOnly", "predict cpuOnly"])
    }

    @Test("compiles a package once")
    func compiledOnce() async throws {
        let first = try #require(try await phone.run(host.job(), of: host))
        let second = try #require(try await phone.run(host.job("job-2"), of: host))
        #expect(first.compileNs == 7_000)
        #expect(second.compileNs == nil)
        #expect(phone.calls.value.filter { $0 == "compile" }.count == 1)
    }

    @Test("does not fetch again what is there")
    func fetchedOnce() async throws {
        try await phone.run(host.job(), of: host)
        host.blobs.update { $0 = [:] }
        let job = host.job("job-2")
        host.blobs.update { $0 = [:] }
        #expect(try await phone.run(job, of: host) != nil)
    }

    @Test("does not fetch a package again that could not be compiled")
    func fetchedOnceThoughRefused() async throws {
        phone.refusals.update { $0["compile"] = RunnerError("no") }
        try await phone.run(host.job(), of: host)
        let job = host.job("job-2")
        host.blobs.update { $0 = [:] }
        #expect(try await phone.run(job, of: host)?.failure?.message == "no")
    }

    @Test("fetches again what has another size")
    func otherSize() async throws {
        let job = host.job()
        let place = try phone.workspace.blob(job.samples[0].inputs[0].sha256)
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data([1]).write(to: place)
        try await phone.run(job, of: host)
        #expect(try Data(contentsOf: place) == Data([1, 2, 3]))
    }

    @Test("keeps the compiled form of a package, and not the package")
    func packageGone() async throws {
        let job = host.job()
        try await phone.run(job, of: host)
        #expect(!FileManager.default.fileExists(atPath: try phone.workspace.package(job.package).path))
        let kept = phone.workspace.compiled(job.package, build: "22B83")
        #expect(try FileManager.default.contentsOfDirectory(atPath: kept.path) == ["model"])
    }

    @Test("keeps a compiled form for each build of the system, whatever its name")
    func compiledPerBuild() {
        let package = host.job().package
        let places = ["22B83", "22B91", "22/../B"].map { phone.workspace.compiled(package, build: $0) }
        #expect(Set(places).count == 3)
        #expect(Set(places.map { $0.deletingLastPathComponent() }).count == 1)
    }

    @Test("forgets what nothing has used for two weeks, and fetches it again when it is needed")
    func unused() async throws {
        let job = host.job()
        let compiled = phone.workspace.compiled(job.package, build: "22B83").path
        try await phone.run(job, of: host)
        // The phone's calendar says September 2026.
        let then = Date(timeIntervalSince1970: 1_790_000_000)
        phone.workspace.removeUnused(since: then.addingTimeInterval(-1))
        #expect(FileManager.default.fileExists(atPath: compiled))
        phone.workspace.removeUnused(since: then.addingTimeInterval(1))
        #expect(!FileManager.default.fileExists(atPath: compiled))
        #expect(!FileManager.default.fileExists(atPath: try phone.workspace.blob(job.samples[0].inputs[0].sha256).path))
        #expect(try await phone.run(host.job("job-2"), of: host)?.compileNs == 7_000)
    }

    @Test("leaves no copies of models behind")
    func cleansUp() async throws {
        let report = try #require(try await phone.run(host.job(), of: host))
        let folder = phone.workspace.run(report.id)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
        #expect(left == ["journal.jsonl", "outputs", "report.json"])
    }

    @Test("goes on until the least time is reached")
    func minimumSeconds() async throws {
        phone.predictionNs.update { $0 = [.cpuOnly: 100_000_000, .all: 50_000_000] }
        let report = try #require(try await phone.run(host.job { $0.plan.minimumSeconds = 1 }, of: host))
        #expect(report.units[0].rounds.count == 4)
        #expect(report.units[1].rounds.count == 7)
    }

    /// Predictions wait until the host was asked so often, or for a minute.
    private func waitForHeartbeats(_ count: Int) {
        let heartbeats = host.heartbeats
        let deadline = Date(timeIntervalSinceNow: 60)
        phone.beforePrediction.update {
            $0 = { _ in while heartbeats.value.count < count, Date() < deadline { usleep(1_000) } }
        }
    }

    @Test("renews its lease meanwhile, and says how far it is")
    func heartbeats() async throws {
        waitForHeartbeats(3)
        try await phone.run(host.job(), of: host)
        let beats = host.heartbeats.value
        #expect(beats.count >= 3)
        #expect(beats.contains(RunProgress(phase: .firstPrediction, computeUnits: .cpuOnly, fraction: 0)))
    }

    @Test("survives any time between heartbeats", arguments: [Double.infinity, .nan, 1e300, -1, 0])
    func heartbeatSeconds(seconds: Double) async throws {
        let run = JobRun(environment: phone.environment, client: host.client, heartbeatSeconds: seconds)
        waitForHeartbeats(1)
        guard case .reported(let report) = try await run.run(Lease(id: "lease", job: host.job(), attempt: 1)) else {
            throw WireError("the job was given up")
        }
        #expect(report.failure == nil)
    }

    @Test("is as far as the rounds that are done, and before them as the compute units")
    func progress() {
        let header = RunHeader(
            id: "r", job: host.job(), device: .example, app: .example, started: "2026-11-20T00:00:00Z", clock: "c")
        var state = RunState(header)
        var told = [state.progress]
        for event: RunEvent in [
            .entered(phase: .coldLoad, units: .all, round: nil, atNs: 1),
            .entered(phase: .rounds, units: .cpuOnly, round: 1, atNs: 2),
            .entered(phase: .rounds, units: .cpuOnly, round: 2, atNs: 3), .ended(atNs: 4),
        ] {
            state.apply(event)
            told.append(state.progress)
        }
        #expect(
            told == [
                RunProgress(phase: .fetch), RunProgress(phase: .coldLoad, computeUnits: .all, fraction: 0.5),
                RunProgress(phase: .rounds, computeUnits: .cpuOnly, round: 1, fraction: 0),
                RunProgress(phase: .rounds, computeUnits: .cpuOnly, round: 2, fraction: 0.5),
                RunProgress(phase: .plan, fraction: 1),
            ])
    }

    @Test("goes on when the host does not answer a heartbeat, or has lost the lease")
    func lostLease() async throws {
        let lost = Refused(problem: Problem(status: 410, code: .leaseLost, message: "m", remedy: "r"))
        host.failures.update { $0["heartbeat"] = [ConnectionLost("x"), lost] }
        waitForHeartbeats(3)
        #expect(try await phone.run(host.job(), of: host) != nil)
        #expect(host.heartbeats.value.count >= 3)
    }

    @Test("stops when nobody waits for it any more, and gives the job up for good")
    func cancelled() async throws {
        host.cancelled.update { $0 = true }
        phone.beforePrediction.update { $0 = { _ in usleep(1_000) } }
        #expect(try await phone.run(host.job { $0.plan.rounds = 1_000 }, of: host) == nil)
        #expect(host.releases.value == [Release(reason: "the job was cancelled", retry: false)])
        #expect((try? FileManager.default.contentsOfDirectory(atPath: phone.workspace.runs.path)) == [])
    }

    @Test("stops when told to, and gives the job back")
    func stopped() async throws {
        let stop = StopFlag()
        phone.beforePrediction.update { $0 = { _ in stop.set(.stopped) } }
        #expect(try await phone.run(host.job(), of: host, stop: stop) == nil)
        #expect(host.releases.value == [Release(reason: "the phone was told to stop", retry: true)])
        #expect(phone.calls.value.filter { $0.hasPrefix("predict") }.count == 1)
    }

    @Test("stops while it fetches, and gives the job back")
    func stoppedFetching() async throws {
        host.failures.update { $0["download"] = [CancellationError()] }
        #expect(try await phone.run(host.job(), of: host) == nil)
        #expect(host.releases.value == [Release(reason: "the phone was told to stop", retry: true)])
    }

    @Test("ends at its time limit, with what there is")
    func timeLimit() async throws {
        phone.beforePrediction.update { $0 = { _ in usleep(1_000) } }
        let job = host.job {
            $0.plan.timeLimitSeconds = 2; $0.plan.rounds = 1_000
        }
        let report = try #require(try await phone.run(job, of: host))
        #expect(report.failure?.message == "the time limit of 2.0 s was reached")
        #expect(report.units[0].rounds.count > 0)
        #expect(report.units[0].rounds.count < 1_000)
    }
}
