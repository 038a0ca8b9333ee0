/// One set of inputs. `name`: as in the artifact's reference.
public struct JobSample: WireRecord {
    public var name: String
    public var inputs: [TensorContent]

    public init(name: String, inputs: [TensorContent]) {
        self.name = name
        self.inputs = inputs
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(name: try field("name"), inputs: try field("inputs"))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("name", name)
        try field("inputs", inputs)
    }
}

/// One package to be measured by one plan on one device.
public struct Job: WireRecord {
    public static var schema: Schema? { Schema("job", 1) }

    /// Unique for ever.
    public var id: String
    public var package: PackageContent
    /// The first feeds the timed predictions; all of them are predicted once for the outputs.
    public var samples: [JobSample]
    public var plan: MeasurementPlan
    /// Of the package, nil for its default.
    public var function: String?

    public init(
        id: String, package: PackageContent, samples: [JobSample], plan: MeasurementPlan = MeasurementPlan(),
        function: String? = nil
    ) {
        self.id = id
        self.package = package
        self.samples = samples
        self.plan = plan
        self.function = function
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            id: try field("id"), package: try field("package"), samples: try field("samples"),
            plan: try field("plan", default: MeasurementPlan()), function: try field("function", default: nil))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("id", id)
        try field("package", package)
        try field("samples", samples)
        try field("plan", plan)
        try field("function", function)
    }
}
