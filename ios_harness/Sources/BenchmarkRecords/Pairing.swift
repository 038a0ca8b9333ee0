/// `token`: the one-time token of the QR code. `protocols`: every version the app speaks.
public struct PairingRequest: WireRecord {
    public static var schema: Schema? { Schema("pairing-request", 1) }

    public var token: String
    public var device: DeviceIdentity
    public var app: AppIdentity
    public var protocols: [Int]

    /// Every version of the protocol that this side speaks.
    public static let spoken = [1]

    public init(token: String, device: DeviceIdentity, app: AppIdentity, protocols: [Int] = spoken) {
        self.token = token
        self.device = device
        self.app = app
        self.protocols = protocols
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            token: try field("token"), device: try field("device"), app: try field("app"),
            protocols: try field("protocols"))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("token", token)
        try field("device", device)
        try field("app", app)
        try field("protocols", protocols)
    }
}

/// `secret`: the bearer token of all later requests. `protocol`: the newest version that both speak. A lease must be
/// renewed every `heartbeatSeconds`; one that was not renewed for `leaseSeconds` is lost.
public struct PairingAnswer: WireRecord {
    public static var schema: Schema? { Schema("pairing-answer", 1) }

    public var deviceID: String
    public var secret: String
    public var `protocol`: Int
    public var heartbeatSeconds: Double
    public var leaseSeconds: Double

    public init(deviceID: String, secret: String, protocol: Int, heartbeatSeconds: Double, leaseSeconds: Double) {
        self.deviceID = deviceID
        self.secret = secret
        self.protocol = `protocol`
        self.heartbeatSeconds = heartbeatSeconds
        self.leaseSeconds = leaseSeconds
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            deviceID: try field("device_id"), secret: try field("secret"), protocol: try field("protocol"),
            heartbeatSeconds: try field("heartbeat_seconds"), leaseSeconds: try field("lease_seconds"))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("device_id", deviceID)
        try field("secret", secret)
        try field("protocol", `protocol`)
        try field("heartbeat_seconds", heartbeatSeconds)
        try field("lease_seconds", leaseSeconds)
    }
}
