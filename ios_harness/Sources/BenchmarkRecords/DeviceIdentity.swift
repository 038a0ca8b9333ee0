/// "simulated" is a program that pretends to be a phone, "simulator" is Xcode's; neither says anything of a phone's
/// speed.
public enum DeviceKind: String, Codable, Sendable, CaseIterable {
    case phone, mac, simulator, simulated
}

/// One device, as it describes itself.
public struct DeviceIdentity: WireRecord {
    public static var schema: Schema? { Schema("device", 1) }

    public var kind: DeviceKind
    /// The kernel's name of the model, `hw.machine`, e.g. "iPhone13,2".
    public var hardware: String
    /// What its owner calls it.
    public var name: String
    public var system: String
    public var systemVersion: String
    /// Of the operating system, e.g. "22B83".
    public var build: String
    public var processors: Int
    /// Physical.
    public var memoryBytes: Int
    /// As Core ML lists them: "cpu", "gpu", "neuralEngine". Empty where the system does not tell (before iOS 17).
    public var computeDevices: [String]
    public var neuralEngineCores: Int?

    public init(
        kind: DeviceKind, hardware: String, name: String, system: String, systemVersion: String, build: String,
        processors: Int, memoryBytes: Int, computeDevices: [String] = [], neuralEngineCores: Int? = nil
    ) {
        self.kind = kind
        self.hardware = hardware
        self.name = name
        self.system = system
        self.systemVersion = systemVersion
        self.build = build
        self.processors = processors
        self.memoryBytes = memoryBytes
        self.computeDevices = computeDevices
        self.neuralEngineCores = neuralEngineCores
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            kind: try field("kind"), hardware: try field("hardware"), name: try field("name"),
            system: try field("system"), systemVersion: try field("system_version"), build: try field("build"),
            processors: try field("processors"), memoryBytes: try field("memory_bytes"),
            computeDevices: try field("compute_devices", default: []),
            neuralEngineCores: try field("neural_engine_cores", default: nil))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("kind", kind)
        try field("hardware", hardware)
        try field("name", name)
        try field("system", system)
        try field("system_version", systemVersion)
        try field("build", build)
        try field("processors", processors)
        try field("memory_bytes", memoryBytes)
        try field("compute_devices", computeDevices)
        try field("neural_engine_cores", neuralEngineCores)
    }
}
