#if os(Linux)
    import Foundation
    import HostClient
    import HostClientLive
    import Support
    import Testing

    /// What the server answers, and what the client must make of it.
    private struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let answer: LocalServer.Answer
        let status: Int
        let body: String
        var testDescription: String { name }
    }

    private let understood = [
        Case(
            name: "chunks, with an extension and a trailer",
            answer: .pieces(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n1", "0\r\n0123456789",
                "abcdef\r\n0\r\nExpires: never\r\n\r\n"),
            status: 200, body: "abcd0123456789abcdef"),
        Case(
            name: "a body that ends with the connection",
            answer: .pieces("HTTP/1.1 200 OK\r\n\r\nab", "cd"), status: 200, body: "abcd"),
        Case(
            name: "a head in pieces",
            answer: .pieces("HTTP/1.1 4", "04 Not Found\r", "\nContent-Length:2\r\n\r", "\nno"),
            status: 404, body: "no"),
        Case(
            name: "an answer after an informational one",
            answer: .pieces("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"),
            status: 201, body: "ok"),
        Case(
            name: "204, which has no body whatever its head says",
            answer: .pieces("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"), status: 204, body: ""),
    ]

    private let lost: [(LocalServer.Answer, String)] = [
        (.pieces("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), "the host closed the connection"),
        (
            .pieces("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n"),
            "the host closed the connection"
        ),
        (.pieces("HTTP/1.1 200"), "the host closed the connection"),
        (.pieces("SSH-2.0-OpenSSH_9.6\r\n\r\n"), "what answers is not HTTP/1.1"),
        (.pieces("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "what answers is not HTTP/1.1"),
        (.pieces("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), "what answers is not HTTP/1.1"),
        (
            .pieces("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
            "what answers is not HTTP/1.1"
        ),
        (
            .pieces("HTTP/1.1 200 OK\r\nx: " + String(repeating: "x", count: 1 << 17)),
            "what answers is not HTTP/1.1"
        ),
    ]

    @Suite("HTTP/1.1 over sockets")
    struct SocketTransportTests {
        @Test("reads", arguments: understood)
        fileprivate func reads(_ expected: Case) async throws {
            let server = try LocalServer { _ in expected.answer }
            defer { server.stop() }
            let response = try await Transport.sockets(host: server.url).send(HTTPRequest("GET", "/"))
            #expect(response.head.status == expected.status)
            #expect(String(decoding: response.body, as: UTF8.self) == expected.body)
        }

        @Test("an answer that is cut or no answer is a lost connection", arguments: lost)
        func loses(_ answer: LocalServer.Answer, _ words: String) async throws {
            let server = try LocalServer { _ in answer }
            defer { server.stop() }
            await #expect(throws: ConnectionLost(words)) {
                try await Transport.sockets(host: server.url).send(HTTPRequest("GET", "/"))
            }
        }

        @Test("a body of some megabytes goes whole, with its length and the host's name")
        func large() async throws {
            let asked = Locked<[LocalServer.Request]>([])
            let server = try LocalServer { request in
                asked.update { $0.append(request) }
                return .init(200, body: request.body)
            }
            defer { server.stop() }
            let body = Data((0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let named = URL(string: server.url.absoluteString.replacingOccurrences(of: "127.0.0.1", with: "localhost"))!
            let response = try await Transport.sockets(host: named).send(
                HTTPRequest("PUT", "/x?y=z", headers: ["a": "b"], body: .data(body)))
            #expect(response.body == body)
            let request = asked.value[0]
            #expect(request.method == "PUT" && request.path == "/x?y=z")
            #expect(request.headers["a"] == "b" && request.headers["host"] == "localhost:\(server.url.port!)")
            #expect(request.headers["content-length"] == "5000000")
        }

        @Test("a task that is cancelled already sends nothing")
        func cancelledBefore() async throws {
            let asked = Locked(0)
            let server = try LocalServer { _ in
                asked.update { $0 += 1 }
                return .init(200)
            }
            defer { server.stop() }
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await Transport.sockets(host: server.url).send(HTTPRequest("GET", "/"))
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(asked.value == 0)
        }

        @Test("what the sink throws ends the transfer")
        func sinkThrows() async throws {
            struct Full: Error {}
            let server = try LocalServer { _ in .init(200, body: Data(count: 1_000_000)) }
            defer { server.stop() }
            await #expect(throws: Full.self) {
                try await Transport.sockets(host: server.url).send(
                    HTTPRequest("GET", "/", sink: { _, _ in throw Full() }))
            }
        }

        @Test("an unknown name and another scheme are told")
        func addresses() async throws {
            for address in ["http://no-such-host.invalid:1", "https://127.0.0.1:1", "nonsense"] {
                let url = URL(string: address)!
                await #expect(throws: ConnectionLost.self) {
                    try await Transport.sockets(host: url).send(HTTPRequest("GET", "/", timeout: 2))
                }
            }
        }
    }
#endif
