import BenchmarkRecords
import DeviceState
import Foundation
import HostClient
import LatencyCore
import ModelRunner
import Support

@testable import HarnessFeature

final class ManualClock: MonotonicClock, @unchecked Sendable {
    let name = "manual"
    private let time = Locked(0)

    func now() -> Int { time.value }
    func advance(_ ns: Int) { time.update { $0 += ns } }
}

/// A phone whose models do what the test says, in time that the test makes.
final class ScriptedPhone: Sendable {
    let folder: TemporaryFolder
    let clock = ManualClock()
    /// Everything that was asked of the framework and slept, in order.
    let calls = Locked<[String]>([])
    /// What was loaded, in order.
    let loads = Locked<[LoadRequest]>([])
    let condition = Locked(
        ConditionSample(atNs: 0, thermal: .nominal, lowPower: false, foreground: true, debugger: false))
    /// Nanoseconds of one prediction.
    let predictionNs = Locked<[ComputeUnits: Int]>([:])
    /// What the framework refuses: by step and compute unit, e.g. "load all".
    let refusals = Locked<[String: RunnerError]>([:])
    /// What no array of numbers can hold of a prediction's outputs.
    let leftOut = Locked<[ComputeUnits: [String]]>([:])
    /// Called before each prediction.
    let beforePrediction = Locked<(@Sendable (ComputeUnits) -> Void)?>(nil)
    /// Called at each second of cooling down.
    let whileCooling = Locked<(@Sendable () -> Void)?>(nil)

    init() throws { folder = try TemporaryFolder() }

    var workspace: Workspace { Workspace(folder.file("state"), shared: folder.file("shared")) }

    var environment: HarnessEnvironment {
        HarnessEnvironment(
            runner: runner,
            device: DeviceState(
                identity: { .example }, app: { .example },
                condition: { [condition] atNs in
                    var now = condition.value
                    now.atNs = atNs
                    return now
                }),
            workspace: workspace, clock: clock, date: { Date(timeIntervalSince1970: 1_790_000_000) },
            sleep: { [calls, whileCooling] seconds in
                calls.update { $0.append("sleep \(Int(seconds))") }
                whileCooling.value?()
            })
    }

    private func did(_ step: String, _ units: ComputeUnits? = nil, ns: Int) throws {
        let call = step + (units.map { " \($0.rawValue)" } ?? "")
        calls.update { $0.append(call) }
        clock.advance(ns)
        if let refusal = refusals.value[call] { throw refusal }
    }

    private var runner: ModelRunner {
        ModelRunner(
            devices: { ComputeDevices(names: ["cpu", "neuralEngine"], neuralEngineCores: 16) },
            compile: { [self] package, destination in
                try did("compile", ns: 7_000)
                try FileManager.default.createDirectory(at: destination, withIntermediateDirectories: true)
                try FileManager.default.copyItem(at: package, to: destination.appendingPathComponent("model"))
            },
            load: { [self] request in
                loads.update { $0.append(request) }
                let isCopy = request.compiled.path.contains("/models/")
                try did("load", request.computeUnits, ns: isCopy ? 500 : 300)
                return LoadedModel { [self] tensors in
                    Prediction(
                        run: { [self] in
                            beforePrediction.value?(request.computeUnits)
                            try did(
                                "predict", request.computeUnits, ns: predictionNs.value[request.computeUnits] ?? 100)
                        },
                        outputs: {
                            [Tensor(name: "y", dtype: .uint8, shape: [1], data: Data([UInt8(tensors.count)]))]
                        }, leftOut: { [leftOut] in leftOut.value[request.computeUnits] ?? [] })
                }
            },
            placements: { [self] request in
                try did("plan", request.computeUnits, ns: 10)
                return [OperatorPlacement(operator: "conv", output: "c", preferred: "cpu")]
            })
    }
}

/// A host in memory: blobs, jobs and what came back.
final class ScriptedHost: Sendable {
    let blobs = Locked<[String: Data]>([:])
    let leases = Locked<[Lease]>([])
    let uploads = Locked<[String: Data]>([:])
    let reports = Locked<[String: Data]>([:])
    let releases = Locked<[Release]>([])
    let heartbeats = Locked<[RunProgress]>([])
    let cancelled = Locked(false)
    let whenUploading = Locked<(@Sendable () async throws -> Void)?>(nil)
    /// What is thrown at the next requests of this kind, one after another.
    let failures = Locked<[String: [any Error]]>([:])

    private func fail(_ request: String) throws {
        let failure = failures.update { all -> (any Error)? in
            guard let first = all[request]?.first else { return nil }
            all[request]?.removeFirst()
            return first
        }
        if let failure { throw failure }
    }

    /// A job for a package of one file and one input, unless the test says otherwise.
    func job(_ id: String = "job-1", _ change: (inout Job) -> Void = { _ in }) -> Job {
        let (weights, input) = (Data("weights".utf8), Data([1, 2, 3]))
        for data in [weights, input] { blobs.update { $0[SHA256Digest.hex(data)] = data } }
        var plan = MeasurementPlan()
        (plan.computeUnits, plan.rounds, plan.iterations, plan.warmUp) = ([.cpuOnly, .all], 2, 3, 1)
        var job = Job(
            id: id,
            package: PackageContent(
                name: "m.mlpackage",
                files: [PackageFile(path: "Data/w", sha256: SHA256Digest.hex(weights), bytes: weights.count)]),
            samples: [
                JobSample(
                    name: "cat",
                    inputs: [Tensor(name: "x", dtype: .uint8, shape: [3], data: input).content])
            ], plan: plan)
        change(&job)
        return job
    }

    func offer(_ job: Job) { leases.update { $0.append(Lease(id: "lease-\(job.id)", job: job, attempt: 1)) } }

    var client: HostClient {
        HostClient(
            pair: { _ in
                PairingAnswer(deviceID: "d", secret: "s", protocol: 1, heartbeatSeconds: 1, leaseSeconds: 5)
            },
            nextJob: { [self] _ in
                try fail("nextJob")
                return leases.update { $0.isEmpty ? nil : $0.removeFirst() }
            },
            heartbeat: { [self] _, beat in
                heartbeats.update { $0.append(beat.progress) }
                try fail("heartbeat")
                return HeartbeatAnswer(cancelled: cancelled.value)
            },
            release: { [self] _, release in releases.update { $0.append(release) } },
            download: { [self] blob, place in
                try fail("download")
                guard let data = blobs.value[blob.sha256] else { throw ConnectionLost("no such blob") }
                try FileManager.default.createDirectory(
                    at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
                try data.write(to: place)
            },
            upload: { [self] blob, file in
                try fail("upload")
                try await whenUploading.value?()
                let data = try Data(contentsOf: file)
                uploads.update { $0[blob.sha256] = data }
            },
            report: { [self] job, bytes in
                try fail("report")
                let first = reports.update { $0.updateValue(bytes, forKey: job) == nil }
                return Receipt(report: job, first: first)
            })
    }

    func stored(_ job: String = "job-1") throws -> BenchmarkReport? {
        try reports.value[job].map { try WireDocument.decode(from: $0) }
    }
}

extension ScriptedPhone {
    /// Measures one job; the report, or nil where the job was given up.
    @discardableResult
    func run(_ job: Job, of host: ScriptedHost, stop: StopFlag = StopFlag()) async throws -> BenchmarkReport? {
        let run = JobRun(environment: environment, client: host.client, heartbeatSeconds: 0.05, stop: stop)
        switch try await run.run(Lease(id: "lease", job: job, attempt: 1)) {
        case .reported(let report): return report
        case .released(let release):
            host.releases.update { $0.append(release) }
            return nil
        }
    }
}
