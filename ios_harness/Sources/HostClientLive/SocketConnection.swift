#if os(Linux)
    import Foundation
    import Glibc
    import HostClient

    /// One TCP connection. Its thread waits for bytes; `cancel` may come from any other.
    final class SocketConnection: @unchecked Sendable {
        private let lock = NSLock()
        private var descriptor: Int32 = -1
        private var cancelled = false
        private var buffer = [UInt8](repeating: 0, count: 1 << 16)

        deinit { close() }

        /// `timeout`: seconds without progress after which this, `send` or `receive` throws `ConnectionLost`.
        func open(host: String, port: Int, timeout: Double) throws {
            var hints = addrinfo()
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var found: UnsafeMutablePointer<addrinfo>?
            let code = getaddrinfo(host, String(port), &hints, &found)
            defer { found.map { freeaddrinfo($0) } }
            guard code == 0 else { throw ConnectionLost("\(host): \(String(cString: gai_strerror(code)))") }
            var lost = ConnectionLost("\(host) has no address")
            var next = found
            while let address = next?.pointee {
                do {
                    return try open(address, timeout: timeout)
                } catch let error as ConnectionLost {
                    lost = error
                }
                next = address.ai_next
            }
            throw lost
        }

        private func open(_ address: addrinfo, timeout: Double) throws {
            let made = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard made >= 0 else { throw Self.lost() }
            var limit = timeval(tv_sec: Int(timeout), tv_usec: Int((timeout - timeout.rounded(.down)) * 1e6))
            for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
                setsockopt(made, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
            }
            try lock.withLock {
                if cancelled {
                    Glibc.close(made)
                    throw CancellationError()
                }
                descriptor = made
            }
            guard connect(made, address.ai_addr, address.ai_addrlen) == 0 else {
                let lost = Self.lost(after: timeout)
                close()
                throw lock.withLock({ cancelled }) ? CancellationError() : lost
            }
            // What was cancelled before it was connected was not shut down.
            if lock.withLock({ cancelled }) { throw CancellationError() }
        }

        func send(_ data: Data, timeout: Double) throws {
            try data.withUnsafeBytes { bytes in
                var sent = 0
                while sent < bytes.count {
                    let count = Glibc.send(
                        descriptor, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { throw lostOrCancelled(after: timeout) }
                    sent += count
                }
            }
        }

        /// Empty where the host has closed the connection.
        func receive(timeout: Double) throws -> Data {
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                if count < 0, errno == EINTR { continue }
                let error = count < 0 ? Self.lost(after: timeout) : nil
                // After `cancel` the connection reads as if the host had closed it.
                if lock.withLock({ cancelled }) { throw CancellationError() }
                if let error { throw error }
                return Data(buffer[0..<count])
            }
        }

        /// Wakes whoever waits, with a `CancellationError`.
        func cancel() {
            lock.withLock {
                cancelled = true
                if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) }
            }
        }

        func close() {
            lock.withLock {
                if descriptor >= 0 { Glibc.close(descriptor) }
                descriptor = -1
            }
        }

        private func lostOrCancelled(after timeout: Double) -> any Error {
            let lost = Self.lost(after: timeout)
            return lock.withLock { cancelled } ? CancellationError() : lost
        }

        /// In the words of `errno`. A time limit of a socket ends as EAGAIN, that of `connect` as EINPROGRESS.
        private static func lost(after timeout: Double = 0) -> ConnectionLost {
            switch errno {
            case EAGAIN, EINPROGRESS: ConnectionLost("the host was silent for \(timeout) s")
            case let code: ConnectionLost(String(cString: strerror(code)))
            }
        }
    }
#endif
