import BenchmarkRecords
import Foundation

extension HostClient {
    /// The protocol over `transport`. `secret`: nil before pairing. `retries`: for everything but the heartbeat, which
    /// comes again by itself.
    public static func speaking(
        over transport: Transport, secret: String?, retries: RetryPolicy = RetryPolicy()
    ) -> HostClient {
        let talk = HostConversation(transport: transport, secret: secret, retries: retries)
        return HostClient(
            pair: { try await talk.ask("POST", "/v1/pairings", $0) },
            nextJob: { wait in
                let response = try await talk.repeated(
                    HTTPRequest("GET", "/v1/jobs/next?wait=\(wait)", timeout: Double(wait) + 20))
                return response.head.status == 204 ? nil : try WireDocument.decode(Lease.self, from: response.body)
            },
            heartbeat: { lease, beat in
                let body = HTTPRequest.Body.data(try WireDocument.encode(beat))
                let path = "/v1/leases/\(try pathPart(lease))/heartbeat"
                return try WireDocument.decode(
                    from: try await talk.once(HTTPRequest("POST", path, body: body, timeout: 10)).body)
            },
            release: { lease, release in
                let body = HTTPRequest.Body.data(try WireDocument.encode(release))
                _ = try await talk.repeated(
                    HTTPRequest("POST", "/v1/leases/\(try pathPart(lease))/release", body: body))
            },
            download: { blob, destination in
                try await BlobDownload(blob: blob, destination: destination, conversation: talk).run()
            },
            upload: { blob, file in
                _ = try await talk.repeated(
                    HTTPRequest(
                        "PUT", "/v1/blobs/\(try pathPart(blob.sha256))",
                        headers: ["content-type": "application/octet-stream"], body: .file(file), timeout: 60))
            },
            report: { job, report in
                let path = "/v1/jobs/\(try pathPart(job))/report"
                let response = try await talk.repeated(HTTPRequest("PUT", path, body: .data(report), timeout: 60))
                return try WireDocument.decode(from: response.body)
            })
    }

    /// An identity that the host gave, as one part of a path.
    private static func pathPart(_ text: String) throws -> String {
        let allowed = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
        guard !text.isEmpty, text != ".", text != "..",
            let part = text.addingPercentEncoding(withAllowedCharacters: allowed)
        else { throw WireError("`\(text)` is no identity") }
        return part
    }
}

/// Requests with what they all have in common.
struct HostConversation: Sendable {
    let transport: Transport
    let secret: String?
    let retries: RetryPolicy

    func ask<Question: WireRecord, Answer: WireRecord>(
        _ method: String, _ path: String, _ question: Question
    ) async throws -> Answer {
        let body = HTTPRequest.Body.data(try WireDocument.encode(question))
        return try WireDocument.decode(from: try await repeated(HTTPRequest(method, path, body: body)).body)
    }

    func repeated(_ request: HTTPRequest) async throws -> HTTPResponse {
        try await retries.run { try await once(request) }
    }

    func once(_ request: HTTPRequest) async throws -> HTTPResponse {
        var request = request
        if let secret { request.headers["authorization"] = "Bearer \(secret)" }
        if case .data = request.body { request.headers["content-type"] = "application/json" }
        let response = try await transport.send(request)
        guard response.head.isSuccess else { throw Self.refusal(response) }
        return response
    }

    private static func refusal(_ response: HTTPResponse) -> Refused {
        let status = response.head.status
        let problem =
            (try? WireDocument.decode(Problem.self, from: response.body))
            ?? Problem(
                status: status, code: .internal, message: "the host answered with status \(status)",
                remedy: "Is this address mobiledeploy's?")
        let pause = response.head.headers["retry-after"].flatMap { Double($0) }
        // Infinity is no number of nanoseconds that can be slept.
        return Refused(problem: problem, retryAfter: pause.flatMap { (0...3600).contains($0) ? $0 : nil })
    }
}
