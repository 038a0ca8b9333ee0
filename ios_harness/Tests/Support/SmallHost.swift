import BenchmarkRecords
import Foundation

/// A host that speaks the protocol over real HTTP, as far as a phone sees it: one device, jobs in a row, blobs.
public final class SmallHost: Sendable {
    private struct State {
        var blobs: [String: Data] = [:]
        var jobs: [Job] = []
        var lease: Lease?
        var leases = 0
        var reports: [String: Data] = [:]
        var releases: [Release] = []
        var pairings: [PairingRequest] = []
        /// Answers given instead of the host's own, one after another.
        var disturbances: [LocalServer.Answer] = []
    }

    public static let token = "7KQ2-M9XD"
    private let state = Locked(State())
    private let server = Locked<LocalServer?>(nil)

    public init() throws {
        let started = try LocalServer { [state] in Self.answer($0, state) }
        server.update { $0 = started }
    }

    public var url: URL { server.value!.url }
    public func stop() { server.value?.stop() }

    /// Offers a package to be measured on one sample of its one input.
    public func offer(_ id: String, _ package: ModelPackage, plan: MeasurementPlan) {
        let input = Data(count: 24)
        let tensor = TensorContent(
            name: "image", dtype: .float32, shape: [1, 2, 3], sha256: SHA256Digest.hex(input), bytes: input.count)
        let job = Job(
            id: id, package: package.content(), samples: [JobSample(name: "cat", inputs: [tensor])], plan: plan)
        state.update { state in
            for data in package.files.map(\.data) + [input] { state.blobs[SHA256Digest.hex(data)] = data }
            state.jobs.append(job)
        }
    }

    public func disturb(_ answers: [LocalServer.Answer]) { state.update { $0.disturbances += answers } }
    public var pairings: [PairingRequest] { state.value.pairings }
    public var releases: [Release] { state.value.releases }
    public func holds(_ sha256: String) -> Data? { state.value.blobs[sha256] }

    public func report(_ job: String) throws -> BenchmarkReport? {
        try state.value.reports[job].map { try WireDocument.decode(from: $0) }
    }

    private static func answer(_ request: LocalServer.Request, _ state: Locked<State>) -> LocalServer.Answer {
        if let answer = state.update({ $0.disturbances.isEmpty ? nil : $0.disturbances.removeFirst() }) {
            return answer
        }
        let path = request.path.split(separator: "?")[0]
        let parts = path.split(separator: "/").map(String.init)
        if parts == ["v1", "pairings"] { return pair(request, state) }
        guard request.headers["authorization"] == "Bearer SECRET" else { return problem(401, .unpaired) }
        return state.update { state in
            switch (request.method, parts.dropFirst().first, parts.last) {
            case ("GET", "jobs", _): return next(&state)
            case ("POST", "leases", "heartbeat"): return record(200, HeartbeatAnswer())
            case ("POST", "leases", "release"): return release(request, &state)
            case ("GET", "blobs", let hash?): return blob(hash, request, state)
            case ("PUT", "blobs", let hash?):
                let known = state.blobs.updateValue(request.body, forKey: hash) != nil
                return SHA256Digest.hex(request.body) == hash ? .init(known ? 200 : 201) : problem(400, .digest)
            case ("PUT", "jobs", "report"): return store(request, job: parts[2], &state)
            default: return problem(404, ProblemCode(rawValue: "not-found"))
            }
        }
    }

    private static func pair(_ request: LocalServer.Request, _ state: Locked<State>) -> LocalServer.Answer {
        guard let asked = try? WireDocument.decode(PairingRequest.self, from: request.body),
            asked.token == token.replacingOccurrences(of: "-", with: "")
        else { return problem(401, .token) }
        state.update { $0.pairings.append(asked) }
        return record(
            201,
            PairingAnswer(
                deviceID: "device-1", secret: "SECRET", protocol: 1, heartbeatSeconds: 0.05, leaseSeconds: 5))
    }

    private static func next(_ state: inout State) -> LocalServer.Answer {
        if state.lease == nil, !state.jobs.isEmpty {
            state.leases += 1
            state.lease = Lease(id: "lease-\(state.leases)", job: state.jobs.removeFirst(), attempt: 1)
        }
        return state.lease.map { record(200, $0) } ?? .init(204)
    }

    private static func release(_ request: LocalServer.Request, _ state: inout State) -> LocalServer.Answer {
        if let release = try? WireDocument.decode(Release.self, from: request.body) { state.releases.append(release) }
        state.lease = nil
        return .init(204)
    }

    private static func blob(_ hash: String, _ request: LocalServer.Request, _ state: State) -> LocalServer.Answer {
        guard let data = state.blobs[hash] else { return problem(404, ProblemCode(rawValue: "not-found")) }
        guard let range = request.headers["range"], let from = Int(range.dropFirst(6).dropLast()) else {
            return .init(200, body: data)
        }
        return .init(206, body: Data(data.dropFirst(from)))
    }

    private static func store(
        _ request: LocalServer.Request, job: String, _ state: inout State
    ) -> LocalServer.Answer {
        guard let report = try? WireDocument.decode(BenchmarkReport.self, from: request.body), report.job == job else {
            return problem(400, ProblemCode(rawValue: "malformed"))
        }
        let known = state.reports.updateValue(request.body, forKey: job) != nil
        if state.lease?.job.id == job { state.lease = nil }
        return record(known ? 200 : 201, Receipt(report: report.id, first: !known))
    }

    private static func record(_ status: Int, _ value: some WireRecord) -> LocalServer.Answer {
        .init(status, body: (try? WireDocument.encode(value)) ?? Data())
    }

    private static func problem(_ status: Int, _ code: ProblemCode) -> LocalServer.Answer {
        record(status, Problem(status: status, code: code, message: "No: \(code.rawValue).", remedy: "Do otherwise."))
    }
}
