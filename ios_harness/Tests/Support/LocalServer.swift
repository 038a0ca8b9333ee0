import Foundation

#if canImport(Glibc)
    import Glibc
    private let streamSocket = Int32(SOCK_STREAM.rawValue)
#else
    import Darwin
    private let streamSocket = SOCK_STREAM
#endif

/// A small HTTP/1.1 server on a port of this machine: each request is given to `answer`, on a thread of its own.
public final class LocalServer: @unchecked Sendable {
    public struct Request: Sendable {
        public let method: String
        /// With its query.
        public let path: String
        /// Names in lower case.
        public let headers: [String: String]
        public let body: Data
    }

    public struct Answer: Sendable {
        public var status: Int
        public var headers: [String: String]
        public var body: Data
        /// The connection is cut after so many bytes of the body; 0 cuts it before the status line.
        public var cutAfter: Int?

        public init(_ status: Int, headers: [String: String] = [:], body: Data = Data(), cutAfter: Int? = nil) {
            self.status = status
            self.headers = headers
            self.body = body
            self.cutAfter = cutAfter
        }

        /// Sent as they are, with a pause between each two.
        var pieces: [String]?

        public static func pieces(_ pieces: String...) -> Answer {
            var answer = Answer(0)
            answer.pieces = pieces
            return answer
        }
    }

    public let url: URL
    private let listener: Int32
    private let answer: @Sendable (Request) -> Answer

    public init(_ answer: @escaping @Sendable (Request) -> Answer) throws {
        self.answer = answer
        listener = socket(AF_INET, streamSocket, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, size) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, generic, &size) == 0
            }
        }
        guard bound else { throw POSIXError(.EADDRNOTAVAIL) }
        url = URL(string: "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))")!
        Thread { [self] in accept() }.start()
    }

    public func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        #if !canImport(Glibc)
            close(listener)  // Darwin's shutdown does not wake who accepts
        #endif
    }

    private func accept() {
        while true {
            #if canImport(Glibc)
                let connection = Glibc.accept(listener, nil, nil)
                // Only here: the number may be another server's as soon as it is free.
                if connection < 0 { close(listener) }
            #else
                let connection = Darwin.accept(listener, nil, nil)
            #endif
            guard connection >= 0 else { return }
            #if !canImport(Glibc)
                var on: Int32 = 1
                setsockopt(connection, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
            #endif
            Thread { [self] in serve(connection) }.start()
        }
    }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        guard let request = read(connection) else { return }
        let answer = answer(request)
        if answer.cutAfter == 0 { return }
        for piece in answer.pieces ?? [] {
            send([UInt8](piece.utf8), on: connection)
            Thread.sleep(forTimeInterval: 0.02)
        }
        if answer.pieces != nil { return }
        var head = "HTTP/1.1 \(answer.status) X\r\ncontent-length: \(answer.body.count)\r\nconnection: close\r\n"
        for (name, value) in answer.headers { head += "\(name): \(value)\r\n" }
        let body = answer.cutAfter.map { answer.body.prefix($0) } ?? answer.body
        send([UInt8](Data((head + "\r\n").utf8) + body), on: connection)
    }

    private func send(_ bytes: [UInt8], on connection: Int32) {
        var sent = 0
        while sent < bytes.count {
            #if canImport(Glibc)
                let count = bytes[sent...].withUnsafeBytes {
                    Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
            #else
                let count = bytes[sent...].withUnsafeBytes {
                    Darwin.send(connection, $0.baseAddress, $0.count, 0)
                }
            #endif
            guard count > 0 else { return }
            sent += count
        }
    }

    private func read(_ connection: Int32) -> Request? {
        var received = Data()
        var end: Data.Index?
        while end == nil {
            guard let more = receive(connection) else { return nil }
            received += more
            end = received.range(of: Data("\r\n\r\n".utf8))?.upperBound
        }
        let lines = String(decoding: received[..<end!], as: UTF8.self).components(separatedBy: "\r\n")
        let first = lines[0].split(separator: " ")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        var body = Data(received[end!...])
        while body.count < Int(headers["content-length"] ?? "0")! {
            guard let more = receive(connection) else { return nil }
            body += more
        }
        return Request(method: String(first[0]), path: String(first[1]), headers: headers, body: body)
    }

    private func receive(_ connection: Int32) -> Data? {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(connection, &buffer, buffer.count, 0)
        return count > 0 ? Data(buffer[..<count]) : nil
    }
}

/// A value that several threads may change.
public final class Locked<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var stored: Value

    public init(_ value: Value) { stored = value }

    public var value: Value { lock.withLock { stored } }

    @discardableResult
    public func update<Result>(_ change: (inout Value) -> Result) -> Result { lock.withLock { change(&stored) } }
}
