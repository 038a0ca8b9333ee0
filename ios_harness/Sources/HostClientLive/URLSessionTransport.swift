import Foundation
import HostClient

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

extension Transport {
    /// Over Foundation's URLSession, without caches or cookies.
    public static func urlSession(host: URL) -> Transport {
        let exchanges = Exchanges()
        let configuration = URLSessionConfiguration.ephemeral
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        configuration.httpShouldSetCookies = false
        configuration.timeoutIntervalForResource = 24 * 3600
        let session = URLSession(configuration: configuration, delegate: exchanges, delegateQueue: nil)
        return Transport { request in
            try Task.checkCancellation()
            guard let url = URL(string: request.path, relativeTo: host) else {
                throw ConnectionLost("`\(request.path)` is no path at \(host.absoluteString)")
            }
            var asked = URLRequest(url: url, timeoutInterval: request.timeout)
            asked.httpMethod = request.method
            for (name, value) in request.headers { asked.setValue(value, forHTTPHeaderField: name) }
            switch request.body {
            case .none: break
            case .data(let data): asked.httpBody = data
            case .file(let url): asked.httpBody = try Data(contentsOf: url, options: .mappedIfSafe)
            }
            return try await exchanges.perform(
                session.dataTask(with: asked), sink: request.sink, timeout: request.timeout)
        }
    }
}

/// The exchanges under way, each found by the identifier of its task.
private final class Exchanges: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private struct Exchange {
        let sink: HTTPRequest.Sink?
        let continuation: CheckedContinuation<HTTPResponse, any Error>
        var head: HTTPHead?
        var body = Data()
        /// What the sink threw, or that the host fell silent.
        var failure: (any Error)?
        var lastByte = Date()
    }

    private let lock = NSLock()
    private var underWay: [Int: Exchange] = [:]

    func perform(
        _ task: URLSessionDataTask, sink: HTTPRequest.Sink?, timeout: Double
    ) async throws -> HTTPResponse {
        watch(task, timeout: timeout, after: timeout)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                lock.withLock { underWay[task.taskIdentifier] = Exchange(sink: sink, continuation: continuation) }
                task.resume()
            }
        } onCancel: {
            task.cancel()
        }
    }

    /// FoundationNetworking does not heed the time limit of a request whose host accepts and then says nothing. A timer
    /// of Dispatch's keeps its time also where every thread of Swift's pool is at work.
    private func watch(_ task: URLSessionDataTask, timeout: Double, after wait: Double) {
        DispatchQueue.global().asyncAfter(deadline: .now() + wait) { [self] in
            guard let last = lock.withLock({ underWay[task.taskIdentifier]?.lastByte }) else { return }
            let rest = timeout - Date().timeIntervalSince(last)
            if rest > 0 {
                watch(task, timeout: timeout, after: rest)
            } else {
                fail(task, ConnectionLost("the host was silent for \(timeout) s"))
            }
        }
    }

    private func fail(_ task: URLSessionTask, _ error: any Error) {
        lock.withLock { underWay[task.taskIdentifier]?.failure = error }
        task.cancel()
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        if let response = response as? HTTPURLResponse {
            let headers = response.allHeaderFields.map { ("\($0)".lowercased(), "\($1)") }
            let head = HTTPHead(
                status: response.statusCode, headers: Dictionary(headers, uniquingKeysWith: { $1 }))
            lock.withLock { underWay[dataTask.taskIdentifier]?.head = head }
        }
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let found = lock.withLock {
            underWay[dataTask.taskIdentifier]?.lastByte = Date()
            return underWay[dataTask.taskIdentifier].map { ($0.head, $0.sink, $0.failure != nil) }
        }
        guard case (let head, let sink, let failed)? = found, !failed else { return }
        guard let head, head.isSuccess, let sink else {
            lock.withLock { underWay[dataTask.taskIdentifier]?.body.append(data) }
            return
        }
        do {
            try sink(head, data)
        } catch {
            fail(dataTask, error)
        }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard let exchange = lock.withLock({ underWay.removeValue(forKey: task.taskIdentifier) }) else { return }
        if let failure = exchange.failure {
            exchange.continuation.resume(throwing: failure)
        } else if let error {
            let cancelled = (error as? URLError)?.code == .cancelled
            exchange.continuation.resume(
                throwing: cancelled ? CancellationError() : ConnectionLost(error.localizedDescription))
        } else if let head = exchange.head {
            exchange.continuation.resume(returning: HTTPResponse(head: head, body: exchange.body))
        } else {
            exchange.continuation.resume(throwing: ConnectionLost("the host sent no answer"))
        }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, didSendBodyData bytesSent: Int64, totalBytesSent: Int64,
        totalBytesExpectedToSend: Int64
    ) {
        lock.withLock { underWay[task.taskIdentifier]?.lastByte = Date() }
    }

    /// A host does not send its phones elsewhere; a redirection is answered as it came.
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}
