import Foundation
import HostClient

extension Transport {
    /// What this platform speaks HTTP with: Apple's URLSession; on Linux sockets, see there.
    public static func live(host: URL) -> Transport {
        #if os(Linux)
            return sockets(host: host)
        #else
            return urlSession(host: host)
        #endif
    }
}

#if os(Linux)
    extension Transport {
        /// HTTP/1.1 (RFC 9112) over POSIX sockets, a connection for each request. Linux's URLSession keeps a processor
        /// busy for as long as a new connection awaits its answer (its source for writing is never cancelled), and
        /// stalls where a kept connection was cut: fifty simulated phones on one machine leave nothing for the host.
        public static func sockets(host: URL) -> Transport {
            Transport { request in
                try Task.checkCancellation()
                let connection = SocketConnection()
                return try await withTaskCancellationHandler {
                    try await withCheckedThrowingContinuation { continuation in
                        Thread.detachNewThread {
                            continuation.resume(
                                with: Result {
                                    try SocketExchange(host: host, request: request, connection: connection).run()
                                })
                        }
                    }
                } onCancel: {
                    connection.cancel()
                }
            }
        }
    }

    /// One request and its answer. Returns the connection closed.
    private struct SocketExchange {
        let host: URL
        let request: HTTPRequest
        let connection: SocketConnection

        func run() throws -> HTTPResponse {
            guard host.scheme == "http", let name = host.host else {
                throw ConnectionLost("`\(host.absoluteString)` is no address that begins with http://")
            }
            defer { connection.close() }
            let bare = name.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
            try connection.open(host: bare, port: host.port ?? 80, timeout: request.timeout)
            let body = try content()
            do {
                try connection.send(head(of: body, name: name), timeout: request.timeout)
                try connection.send(body, timeout: request.timeout)
            } catch is ConnectionLost {
                // A host that refuses a body may say so and close before it has read it all.
            }
            return try AnswerReader(request: request, connection: connection).read()
        }

        private func content() throws -> Data {
            switch request.body {
            case .none: Data()
            case .data(let data): data
            case .file(let url): try Data(contentsOf: url, options: .mappedIfSafe)
            }
        }

        private func head(of body: Data, name: String) -> Data {
            let port = host.port.map { ":\($0)" } ?? ""
            var headers = request.headers
            headers["host"] = (name.contains(":") && !name.hasPrefix("[") ? "[\(name)]" : name) + port
            headers["connection"] = "close"
            if request.body != .none { headers["content-length"] = String(body.count) }
            let lines = headers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }
            return Data("\(request.method) \(request.path) HTTP/1.1\r\n\(lines.joined())\r\n".utf8)
        }
    }

    /// Reads one answer as RFC 9112, section 6.3, delimits it. Throws `ConnectionLost` where it ends too early.
    private final class AnswerReader {
        private static let longestHead = 1 << 16
        private let request: HTTPRequest
        private let connection: SocketConnection
        private var pending = Data()
        private var body = Data()

        init(request: HTTPRequest, connection: SocketConnection) {
            self.request = request
            self.connection = connection
        }

        func read() throws -> HTTPResponse {
            var head = try readHead()
            while (100..<200).contains(head.status) { head = try readHead() }
            if head.status == 204 || head.status == 304 { return HTTPResponse(head: head) }
            if head.headers["transfer-encoding"]?.lowercased() == "chunked" {
                try readChunks(head)
            } else if let length = head.headers["content-length"] {
                guard let count = Int(length), count >= 0 else { throw Self.malformed }
                try pass(count, head)
            } else {
                repeat {
                    try deliver(pending, head)
                    pending = try connection.receive(timeout: request.timeout)
                } while !pending.isEmpty
            }
            return HTTPResponse(head: head, body: body)
        }

        private func readHead() throws -> HTTPHead {
            let status = try line().split(separator: " ", maxSplits: 2)
            guard status.count >= 2, status[0].hasPrefix("HTTP/1."), let code = Int(status[1]) else {
                throw Self.malformed
            }
            var headers: [String: String] = [:]
            while case let text = try line(), !text.isEmpty {
                guard let colon = text.firstIndex(of: ":") else { throw Self.malformed }
                let value = text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces)
                headers[text[..<colon].lowercased()] = value
            }
            return HTTPHead(status: code, headers: headers)
        }

        private func readChunks(_ head: HTTPHead) throws {
            while true {
                let size = try line().prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces)
                guard let count = Int(size, radix: 16), count >= 0 else { throw Self.malformed }
                if count == 0 { break }
                try pass(count, head)
                guard try line().isEmpty else { throw Self.malformed }
            }
            while try !line().isEmpty {}
        }

        /// The next line, without its end.
        private func line() throws -> String {
            while true {
                if let end = pending.range(of: Data("\r\n".utf8)) {
                    let text = String(decoding: pending[..<end.lowerBound], as: UTF8.self)
                    pending = Data(pending[end.upperBound...])
                    return text
                }
                guard pending.count < Self.longestHead else { throw Self.malformed }
                try more()
            }
        }

        /// The next `count` bytes of the body, as they come.
        private func pass(_ count: Int, _ head: HTTPHead) throws {
            var left = count
            while left > 0 {
                if pending.isEmpty { try more() }
                let piece = pending.prefix(left)
                left -= piece.count
                try deliver(piece, head)
                pending = Data(pending.dropFirst(piece.count))
            }
        }

        private func deliver(_ piece: Data, _ head: HTTPHead) throws {
            guard !piece.isEmpty else { return }
            if head.isSuccess, let sink = request.sink { try sink(head, piece) } else { body.append(piece) }
        }

        private func more() throws {
            let data = try connection.receive(timeout: request.timeout)
            guard !data.isEmpty else { throw ConnectionLost("the host closed the connection") }
            pending.append(data)
        }

        private static let malformed = ConnectionLost("what answers is not HTTP/1.1")
    }
#endif
