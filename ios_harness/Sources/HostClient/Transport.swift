import Foundation

public struct HTTPRequest: Sendable {
    public enum Body: Sendable, Equatable {
        case none
        case data(Data)
        case file(URL)
    }

    /// Takes the bytes of a successful answer as they come. Throwing ends the transfer.
    public typealias Sink = @Sendable (HTTPHead, Data) throws -> Void

    public var method: String
    /// With its query, from the slash on.
    public var path: String
    public var headers: [String: String]
    public var body: Body
    /// Seconds without a byte from the host after which the connection counts as lost.
    public var timeout: Double
    /// Nil where the answer's body is wanted whole.
    public var sink: Sink?

    public init(
        _ method: String, _ path: String, headers: [String: String] = [:], body: Body = .none, timeout: Double = 30,
        sink: Sink? = nil
    ) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.sink = sink
    }
}

public struct HTTPHead: Equatable, Sendable {
    public var status: Int
    /// Names in lower case.
    public var headers: [String: String]

    public init(status: Int, headers: [String: String] = [:]) {
        self.status = status
        self.headers = headers
    }

    public var isSuccess: Bool { (200..<300).contains(status) }
}

public struct HTTPResponse: Equatable, Sendable {
    public var head: HTTPHead
    /// Empty where the request's sink has taken it.
    public var body: Data

    public init(head: HTTPHead, body: Data = Data()) {
        self.head = head
        self.body = body
    }
}

/// The connection was refused, cut or silent: the request may be repeated.
public struct ConnectionLost: Error, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// One request to one host. Live: `Transport.live(host:)`; tests script their own. Throws `ConnectionLost`,
/// `CancellationError`, or what the sink threw.
public struct Transport: Sendable {
    public var send: @Sendable (HTTPRequest) async throws -> HTTPResponse

    public init(send: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse) { self.send = send }
}
