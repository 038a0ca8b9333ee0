import BenchmarkRecords
import Foundation
import Support
import Testing

@testable import HostClient

/// A transport that answers from a list, and what it was asked.
private final class Script: Sendable {
    enum Reply: Sendable {
        case answer(Int, Data, [String: String] = [:])
        case lost
    }

    private let replies: Locked<[Reply]>
    let asked = Locked<[HTTPRequest]>([])
    let pauses = Locked<[Double]>([])

    init(_ replies: [Reply]) { self.replies = Locked(replies) }

    func client(secret: String? = "S", pauses: [Double] = [1, 2, 4]) -> HostClient {
        let transport = Transport { [self] request in
            asked.update { $0.append(request) }
            switch replies.update({ $0.removeFirst() }) {
            case .answer(let status, let data, let headers):
                return HTTPResponse(head: HTTPHead(status: status, headers: headers), body: data)
            case .lost: throw ConnectionLost("cut")
            }
        }
        let retries = RetryPolicy(pauses: pauses, spread: 1...1) { [self] pause in
            self.pauses.update { $0.append(pause) }
        }
        return .speaking(over: transport, secret: secret, retries: retries)
    }
}

private func problem(_ status: Int, _ code: ProblemCode) throws -> Script.Reply {
    .answer(status, try WireDocument.encode(Problem(status: status, code: code, message: "No.", remedy: "Do this.")))
}

private func record(_ value: some WireRecord, status: Int = 200) throws -> Script.Reply {
    .answer(status, try WireDocument.encode(value))
}

@Suite("Conversation with a host")
struct ConversationTests {
    @Test("pairing is asked for without a secret, and answered with one")
    func pairing() async throws {
        let answer = PairingAnswer(deviceID: "d", secret: "s", protocol: 1, heartbeatSeconds: 5, leaseSeconds: 30)
        let script = Script([try record(answer, status: 201)])
        let request = PairingRequest(token: "7KQ2M9XD", device: .example, app: .example)
        #expect(try await script.client(secret: nil).pair(request) == answer)
        let asked = script.asked.value[0]
        #expect(asked.method == "POST")
        #expect(asked.path == "/v1/pairings")
        #expect(asked.headers == ["content-type": "application/json"])
        guard case .data(let body) = asked.body else { throw WireError("no body") }
        #expect(try WireDocument.decode(from: body) == request)
    }

    @Test("the next job is waited for, with the secret")
    func nextJob() async throws {
        let script = Script([try record(Lease.example), .answer(204, Data())])
        let client = script.client()
        #expect(try await client.nextJob(25) == .example)
        #expect(try await client.nextJob(0) == nil)
        let asked = script.asked.value
        #expect(asked.map(\.path) == ["/v1/jobs/next?wait=25", "/v1/jobs/next?wait=0"])
        #expect(asked[0].headers == ["authorization": "Bearer S"])
        #expect(asked[0].timeout > 25)
    }

    @Test("leases are renewed and released under their name")
    func leases() async throws {
        let script = Script([try record(HeartbeatAnswer(cancelled: true)), .answer(204, Data())])
        let client = script.client()
        let beat = Heartbeat(progress: RunProgress(phase: .rounds, computeUnits: .all, round: 3, fraction: 0.5))
        #expect(try await client.heartbeat("l 1", beat).cancelled)
        try await client.release("l 1", Release(reason: "stopped", retry: false))
        #expect(script.asked.value.map(\.path) == ["/v1/leases/l%201/heartbeat", "/v1/leases/l%201/release"])
    }

    @Test("an identity cannot leave its place in the path", arguments: ["..", "", "."])
    func pathParts(identity: String) async throws {
        let client = Script([]).client()
        await #expect(throws: WireError("`\(identity)` is no identity")) {
            try await client.release(identity, Release(reason: ""))
        }
    }

    @Test("an escape in an identity is escaped")
    func escapes() async throws {
        let script = Script([.answer(204, Data())])
        try await script.client().release("a/../b?c", Release(reason: ""))
        #expect(script.asked.value[0].path == "/v1/leases/a%2F..%2Fb%3Fc/release")
    }

    @Test("a report goes as the bytes that it has")
    func report() async throws {
        let script = Script([try record(Receipt(report: "r", first: false))])
        let bytes = Data(#"{"any": 1}"#.utf8)
        #expect(try await script.client().report("job-1", bytes) == Receipt(report: "r", first: false))
        #expect(script.asked.value[0].body == .data(bytes))
        #expect(script.asked.value[0].method == "PUT")
        #expect(script.asked.value[0].path == "/v1/jobs/job-1/report")
    }

    @Test("a lost connection and a busy host are asked again, with growing pauses")
    func again() async throws {
        let script = Script([.lost, try problem(503, .busy), try problem(500, .internal), try record(Lease.example)])
        #expect(try await script.client().nextJob(5) == .example)
        #expect(script.pauses.value == [1, 2, 4])
    }

    @Test("a busy host is given the time that it asks for")
    func retryAfter() async throws {
        let busy = Script.Reply.answer(429, Data(), ["retry-after": "7"])
        let script = Script([busy, .answer(204, Data())])
        #expect(try await script.client().nextJob(5) == nil)
        #expect(script.pauses.value == [7])
    }

    @Test("a pause that nobody can make is passed over", arguments: ["inf", "nan", "-5", "1e300", "soon", ""])
    func impossiblePause(text: String) async throws {
        let script = Script([.answer(503, Data(), ["retry-after": text]), .answer(204, Data())])
        #expect(try await script.client().nextJob(5) == nil)
        #expect(script.pauses.value == [1])
    }

    @Test("after the last pause the error stands")
    func gaveUp() async throws {
        let script = Script([.lost, .lost])
        await #expect(throws: ConnectionLost("cut")) { try await script.client(pauses: [1]).nextJob(5) }
    }

    @Test("a refusal is not repeated", arguments: [(410, ProblemCode.leaseLost), (401, .unpaired), (409, .conflict)])
    func refused(status: Int, code: ProblemCode) async throws {
        let script = Script([try problem(status, code)])
        let refusal = await #expect(throws: Refused.self) {
            try await script.client().release("l", Release(reason: ""))
        }
        #expect(refusal?.code == code)
        #expect("\(refusal!)" == "No. Do this.")
        #expect(script.pauses.value.isEmpty)
    }

    @Test("an answer of something else is told apart from mobiledeploy's")
    func notMobiledeploy() async throws {
        let script = Script([.answer(404, Data("<html>".utf8))])
        let refusal = await #expect(throws: Refused.self) { try await script.client().nextJob(0) }
        #expect("\(refusal!)" == "the host answered with status 404 Is this address mobiledeploy's?")
    }

    @Test("a heartbeat is not repeated: the next one comes by itself")
    func heartbeatOnce() async throws {
        let script = Script([.lost])
        await #expect(throws: ConnectionLost("cut")) {
            try await script.client().heartbeat("l", Heartbeat(progress: RunProgress(phase: .fetch)))
        }
        #expect(script.pauses.value.isEmpty)
    }

    @Test("an answer that is no record is refused")
    func malformed() async throws {
        let script = Script([.answer(200, Data("{}".utf8))])
        await #expect(throws: WireError("no `schema` field; expected mobiledeploy.lease/1")) {
            try await script.client().nextJob(0)
        }
    }

    @Test("pauses are spread, and never negative")
    func spread() async throws {
        let pauses = Locked<[Double]>([])
        let policy = RetryPolicy(pauses: [8]) { pause in pauses.update { $0.append(pause) } }
        for _ in 0..<20 { _ = try? await policy.run { throw ConnectionLost("cut") } }
        #expect(pauses.value.allSatisfy { (4...8).contains($0) })
        #expect(Set(pauses.value).count > 1)
    }
}
