/// For programs; docs/protocol.md says when each is sent. A code that this side does not know is a plain refusal.
public struct ProblemCode: RawRepresentable, Hashable, Codable, Sendable {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    public static let token = Self(rawValue: "token")
    public static let unpaired = Self(rawValue: "unpaired")
    public static let forbidden = Self(rawValue: "forbidden")
    public static let leaseLost = Self(rawValue: "lease-lost")
    public static let conflict = Self(rawValue: "conflict")
    public static let digest = Self(rawValue: "digest")
    public static let range = Self(rawValue: "range")
    public static let `protocol` = Self(rawValue: "protocol")
    public static let busy = Self(rawValue: "busy")
    public static let slow = Self(rawValue: "slow")
    public static let `internal` = Self(rawValue: "internal")
}

/// Why a request was refused. `message`, `remedy`: for people.
public struct Problem: WireRecord, Error {
    public static var schema: Schema? { Schema("problem", 1) }

    public var status: Int
    public var code: ProblemCode
    public var message: String
    public var remedy: String

    public init(status: Int, code: ProblemCode, message: String, remedy: String) {
        self.status = status
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            status: try field("status"), code: try field("code"), message: try field("message"),
            remedy: try field("remedy"))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("status", status)
        try field("code", code)
        try field("message", message)
        try field("remedy", remedy)
    }
}
