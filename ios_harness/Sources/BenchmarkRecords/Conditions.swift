public enum BatteryState: String, Codable, Sendable, CaseIterable {
    case unknown, unplugged, charging, full
}

/// The device at `atNs`, nanoseconds since the start of the run.
public struct ConditionSample: WireRecord {
    public var atNs: Int
    public var thermal: ThermalState
    public var lowPower: Bool
    /// The app is active and the screen is on.
    public var foreground: Bool
    /// One is attached.
    public var debugger: Bool
    /// The process's physical footprint.
    public var footprintBytes: Int?
    /// 0..1, nil where the device has no battery.
    public var batteryLevel: Double?
    public var batteryState: BatteryState

    public init(
        atNs: Int, thermal: ThermalState, lowPower: Bool, foreground: Bool, debugger: Bool, footprintBytes: Int? = nil,
        batteryLevel: Double? = nil, batteryState: BatteryState = .unknown
    ) {
        self.atNs = atNs
        self.thermal = thermal
        self.lowPower = lowPower
        self.foreground = foreground
        self.debugger = debugger
        self.footprintBytes = footprintBytes
        self.batteryLevel = batteryLevel
        self.batteryState = batteryState
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            atNs: try field("at_ns"), thermal: try field("thermal"), lowPower: try field("low_power"),
            foreground: try field("foreground"), debugger: try field("debugger"),
            footprintBytes: try field("footprint_bytes", default: nil),
            batteryLevel: try field("battery_level", default: nil),
            batteryState: try field("battery_state", default: .unknown))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("at_ns", atNs)
        try field("thermal", thermal)
        try field("low_power", lowPower)
        try field("foreground", foreground)
        try field("debugger", debugger)
        try field("footprint_bytes", footprintBytes)
        try field("battery_level", batteryLevel)
        try field("battery_state", batteryState)
    }
}

/// Whether the latencies may be quoted. `reasons`: every condition that was broken, in words; empty when valid.
public struct Validity: WireRecord {
    public var valid: Bool
    public var reasons: [String]

    public init(valid: Bool, reasons: [String] = []) {
        self.valid = valid
        self.reasons = reasons
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(valid: try field("valid"), reasons: try field("reasons", default: []))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("valid", valid)
        try field("reasons", reasons)
    }
}
