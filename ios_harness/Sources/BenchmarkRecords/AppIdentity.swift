/// Latencies of a debug build are not valid.
public enum BuildConfiguration: String, Codable, Sendable, CaseIterable {
    case release, debug
}

/// The harness app.
public struct AppIdentity: WireRecord {
    public static var schema: Schema? { Schema("app", 1) }

    public var version: String
    /// Of its sources, "unknown" where the build did not record it.
    public var commit: String
    public var configuration: BuildConfiguration
    /// The framework's version where it can be asked.
    public var coreML: String?

    public init(version: String, commit: String, configuration: BuildConfiguration, coreML: String? = nil) {
        self.version = version
        self.commit = commit
        self.configuration = configuration
        self.coreML = coreML
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            version: try field("version"), commit: try field("commit"), configuration: try field("configuration"),
            coreML: try field("core_ml", default: nil))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("version", version)
        try field("commit", commit)
        try field("configuration", configuration)
        try field("core_ml", coreML)
    }
}
