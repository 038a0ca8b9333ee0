import BenchmarkRecords
import Foundation
import HostClient
import HostClientLive
import Support
import Testing

private let blob = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) })
private let identity = BlobIdentity(sha256: SHA256Digest.hex(blob), bytes: blob.count)
private let quick = RetryPolicy(pauses: [0.01, 0.01, 0.01])

/// A host of one blob. `answers`: what it does instead, in order, before it does its work.
private func host(_ answers: [LocalServer.Answer] = []) throws -> (LocalServer, asked: Locked<[String]>) {
    let waiting = Locked(answers)
    let asked = Locked<[String]>([])
    let server = try LocalServer { request in
        asked.update { $0.append(request.headers["range"] ?? "whole") }
        if let answer = waiting.update({ $0.isEmpty ? nil : $0.removeFirst() }) { return answer }
        guard let range = request.headers["range"] else { return LocalServer.Answer(200, body: blob) }
        let offset = Int(range.dropFirst("bytes=".count).dropLast())!
        return LocalServer.Answer(206, body: blob.suffix(from: offset))
    }
    return (server, asked)
}

/// The transports of this platform.
enum Live: CaseIterable {
    case urlSession
    #if os(Linux)
        case sockets
    #endif

    func transport(_ host: URL) -> Transport {
        switch self {
        case .urlSession: .urlSession(host: host)
        #if os(Linux)
            case .sockets: .sockets(host: host)
        #endif
        }
    }
}

private func client(_ live: Live, _ server: LocalServer, retries: RetryPolicy = quick) -> HostClient {
    .speaking(over: live.transport(server.url), secret: "S", retries: retries)
}

@Suite("Downloads over real HTTP")
struct DownloadTests {
    @Test("leave the blob at its place, and nothing beside it", arguments: Live.allCases)
    func whole(live: Live) async throws {
        let (server, asked) = try host()
        defer { server.stop() }
        let folder = try TemporaryFolder()
        try await client(live, server).download(identity, folder.file("a/b/blob"))
        #expect(try Data(contentsOf: folder.file("a/b/blob")) == blob)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("a/b").path) == ["blob"])
        #expect(asked.value == ["whole"])
    }

    @Test("that are cut go on where they were", arguments: Live.allCases)
    func resumed(live: Live) async throws {
        let (server, asked) = try host([
            .init(200, body: blob, cutAfter: 100_000), .init(200, cutAfter: 0),
        ])
        defer { server.stop() }
        let folder = try TemporaryFolder()
        try await client(live, server).download(identity, folder.file("blob"))
        #expect(try Data(contentsOf: folder.file("blob")) == blob)
        #expect(asked.value.first == "whole")
        let last = try #require(asked.value.last)
        #expect(last.hasPrefix("bytes=") && last != "bytes=0-")
    }

    @Test("go on where an answer was too short", arguments: Live.allCases)
    func tooShort(live: Live) async throws {
        let (server, asked) = try host([.init(200, body: blob.prefix(100_000))])
        defer { server.stop() }
        let folder = try TemporaryFolder()
        try await client(live, server).download(identity, folder.file("blob"))
        #expect(try Data(contentsOf: folder.file("blob")) == blob)
        #expect(asked.value == ["whole", "bytes=100000-"])
    }

    @Test("are hashed to their last byte, however many there are", arguments: Live.allCases)
    func large(live: Live) async throws {
        let (server, asked) = try host()
        defer { server.stop() }
        let folder = try TemporaryFolder()
        let large = blob + blob + blob + blob
        try large.write(to: folder.file("blob.partial"))
        let identity = BlobIdentity(sha256: SHA256Digest.hex(large), bytes: large.count)
        try await client(live, server).download(identity, folder.file("blob"))
        #expect(try Data(contentsOf: folder.file("blob")) == large)
        #expect(asked.value.isEmpty)
    }

    @Test("go on after a new start of the app", arguments: Live.allCases)
    func afterKill(live: Live) async throws {
        let (server, asked) = try host()
        defer { server.stop() }
        let folder = try TemporaryFolder()
        try blob.prefix(1234).write(to: folder.file("blob.partial"))
        try await client(live, server).download(identity, folder.file("blob"))
        #expect(try Data(contentsOf: folder.file("blob")) == blob)
        #expect(asked.value == ["bytes=1234-"])
    }

    @Test("begin again where what was there has other bytes", arguments: Live.allCases)
    func spoiled(live: Live) async throws {
        let (server, asked) = try host()
        defer { server.stop() }
        let folder = try TemporaryFolder()
        try Data(repeating: 9, count: 1234).write(to: folder.file("blob.partial"))
        try await client(live, server).download(identity, folder.file("blob"))
        #expect(try Data(contentsOf: folder.file("blob")) == blob)
        #expect(asked.value == ["bytes=1234-", "whole"])
    }

    @Test("need no request where everything is there already", arguments: Live.allCases)
    func complete(live: Live) async throws {
        let (server, asked) = try host()
        defer { server.stop() }
        let folder = try TemporaryFolder()
        try blob.write(to: folder.file("blob.partial"))
        try Data("old".utf8).write(to: folder.file("blob"))
        try await client(live, server).download(identity, folder.file("blob"))
        #expect(try Data(contentsOf: folder.file("blob")) == blob)
        #expect(asked.value.isEmpty)
    }

    @Test("a host that ignores the range sends it whole", arguments: Live.allCases)
    func rangeIgnored(live: Live) async throws {
        let (server, _) = try host([.init(200, body: blob)])
        defer { server.stop() }
        let folder = try TemporaryFolder()
        try blob.prefix(1234).write(to: folder.file("blob.partial"))
        try await client(live, server).download(identity, folder.file("blob"))
        #expect(try Data(contentsOf: folder.file("blob")) == blob)
    }

    @Test("a refused range is asked whole", arguments: Live.allCases)
    func rangeRefused(live: Live) async throws {
        let problem = Problem(status: 416, code: .range, message: "m", remedy: "r")
        let (server, asked) = try host([.init(416, body: try WireDocument.encode(problem))])
        defer { server.stop() }
        let folder = try TemporaryFolder()
        try blob.prefix(1234).write(to: folder.file("blob.partial"))
        try await client(live, server).download(identity, folder.file("blob"))
        #expect(asked.value == ["bytes=1234-", "whole"])
        #expect(try Data(contentsOf: folder.file("blob")) == blob)
    }

    @Test("wrong bytes are refused after a second try, and not kept", arguments: Live.allCases)
    func wrongBytes(live: Live) async throws {
        let wrong = Data(repeating: 1, count: blob.count)
        let (server, _) = try host([.init(200, body: wrong), .init(200, body: wrong)])
        defer { server.stop() }
        let folder = try TemporaryFolder()
        await #expect(throws: WireError("the host sent other bytes than those of blob \(identity.sha256)")) {
            try await client(live, server).download(identity, folder.file("blob"))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
    }

    @Test("more bytes than announced end the transfer", arguments: Live.allCases)
    func tooMany(live: Live) async throws {
        let (server, _) = try host([.init(200, body: blob + Data([1]))])
        defer { server.stop() }
        let folder = try TemporaryFolder()
        await #expect(throws: WireError("the host sent more than the \(blob.count) bytes of a blob")) {
            try await client(live, server).download(identity, folder.file("blob"))
        }
    }

    @Test("an empty blob is a file without bytes", arguments: Live.allCases)
    func empty(live: Live) async throws {
        let server = try LocalServer { _ in .init(200) }
        defer { server.stop() }
        let folder = try TemporaryFolder()
        let empty = BlobIdentity(sha256: SHA256Digest.hex([]), bytes: 0)
        try await client(live, server).download(empty, folder.file("blob"))
        #expect(try Data(contentsOf: folder.file("blob")).isEmpty)
    }
}

@Suite("Requests over real HTTP")
struct RequestTests {
    @Test("uploads send the file's bytes and the secret", arguments: Live.allCases)
    func upload(live: Live) async throws {
        let asked = Locked<[LocalServer.Request]>([])
        let server = try LocalServer { request in
            asked.update { $0.append(request) }
            return .init(201)
        }
        defer { server.stop() }
        let folder = try TemporaryFolder()
        try blob.write(to: folder.file("x"))
        try await client(live, server).upload(identity, folder.file("x"))
        let request = asked.value[0]
        #expect(request.method == "PUT")
        #expect(request.path == "/v1/blobs/\(identity.sha256)")
        #expect(request.headers["authorization"] == "Bearer S")
        #expect(request.headers["content-type"] == "application/octet-stream")
        #expect(request.body == blob)
    }

    @Test("a problem is read from the answer", arguments: Live.allCases)
    func problem(live: Live) async throws {
        let problem = Problem(status: 410, code: .leaseLost, message: "The lease is over.", remedy: "Ask again.")
        let body = try WireDocument.encode(problem)
        let server = try LocalServer { _ in .init(410, body: body) }
        defer { server.stop() }
        await #expect(throws: Refused(problem: problem)) {
            try await client(live, server).release("l", Release(reason: "r"))
        }
    }

    @Test("the time that a busy host asks for is read from its header", arguments: Live.allCases)
    func retryAfter(live: Live) async throws {
        let server = try LocalServer { _ in .init(503, headers: ["Retry-After": "3"]) }
        defer { server.stop() }
        let refusal = await #expect(throws: Refused.self) { try await client(live, server, retries: .none).nextJob(0) }
        #expect(refusal?.retryAfter == 3)
    }

    @Test("a host that is not there is a lost connection", arguments: Live.allCases)
    func nobody(live: Live) async throws {
        let server = try LocalServer { _ in .init(200) }
        server.stop()
        await #expect(throws: ConnectionLost.self) { try await client(live, server, retries: .none).nextJob(0) }
    }

    @Test("a silent host is a lost connection after the time limit", arguments: Live.allCases)
    func silent(live: Live) async throws {
        let server = try LocalServer { _ in
            Thread.sleep(forTimeInterval: 20)
            return .init(200)
        }
        defer { server.stop() }
        let transport = live.transport(server.url)
        await #expect(throws: ConnectionLost.self) { try await transport.send(HTTPRequest("GET", "/", timeout: 1)) }
    }

    @Test("a request under way is cancelled with its task", arguments: Live.allCases)
    func cancelled(live: Live) async throws {
        let server = try LocalServer { _ in
            Thread.sleep(forTimeInterval: 20)
            return .init(200)
        }
        defer { server.stop() }
        let transport = live.transport(server.url)
        let task = Task { try await transport.send(HTTPRequest("GET", "/")) }
        try await Task.sleep(nanoseconds: 200_000_000)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("a redirection is not followed", arguments: Live.allCases)
    func redirection(live: Live) async throws {
        let asked = Locked(0)
        let server = try LocalServer { _ in
            asked.update { $0 += 1 }
            return .init(302, headers: ["Location": "http://127.0.0.1:9/elsewhere"])
        }
        defer { server.stop() }
        let response = try await live.transport(server.url).send(HTTPRequest("GET", "/"))
        #expect(response.head.status == 302)
        #expect(asked.value == 1)
    }
}
