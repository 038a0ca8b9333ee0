/// The phases of a run, in their order.
public enum PhaseName: String, Codable, Sendable, CaseIterable {
    case fetch, compile, coldLoad, cachedLoad, firstPrediction, warmUp, rounds, outputs, plan
}

/// `startsNs[i]`, `durationsNs[i]`: of the i-th timed prediction, in order, in nanoseconds since the start of the run.
public struct Round: WireRecord {
    public var startsNs: [Int]
    public var durationsNs: [Int]
    /// Durations of the predictions before them.
    public var warmUpNs: [Int]
    /// Of the load before this round, nil where the plan does not reload.
    public var loadNs: Int?

    public init(startsNs: [Int], durationsNs: [Int], warmUpNs: [Int] = [], loadNs: Int? = nil) {
        self.startsNs = startsNs
        self.durationsNs = durationsNs
        self.warmUpNs = warmUpNs
        self.loadNs = loadNs
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            startsNs: try field("starts_ns"), durationsNs: try field("durations_ns"),
            warmUpNs: try field("warm_up_ns", default: []), loadNs: try field("load_ns", default: nil))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("starts_ns", startsNs)
        try field("durations_ns", durationsNs)
        try field("warm_up_ns", warmUpNs)
        try field("load_ns", loadNs)
    }
}

/// Where Core ML's compute plan expects one operator to run: anticipated, not observed, and `cost` is a weight in 0..1,
/// not time (MLComputePlan). `operator`: its type. `output`: the name of its first output.
public struct OperatorPlacement: WireRecord {
    public var `operator`: String
    public var output: String
    public var preferred: String?
    public var supported: [String]
    public var cost: Double?

    public init(
        operator: String, output: String, preferred: String? = nil, supported: [String] = [], cost: Double? = nil
    ) {
        self.operator = `operator`
        self.output = output
        self.preferred = preferred
        self.supported = supported
        self.cost = cost
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            operator: try field("operator"), output: try field("output"),
            preferred: try field("preferred", default: nil), supported: try field("supported", default: []),
            cost: try field("cost", default: nil))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("operator", `operator`)
        try field("output", output)
        try field("preferred", preferred)
        try field("supported", supported)
        try field("cost", cost)
    }
}

/// The outputs on one of the job's samples, each sent as a blob before the report. `sample`: its name.
public struct SampleOutputs: WireRecord {
    public var sample: String
    public var outputs: [TensorContent]

    public init(sample: String, outputs: [TensorContent]) {
        self.sample = sample
        self.outputs = outputs
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(sample: try field("sample"), outputs: try field("outputs"))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("sample", sample)
        try field("outputs", outputs)
    }
}

/// What went wrong, and in which phase. `code`: Core ML's, where there is one. `died`: the process was killed there, as
/// its next start found out; `message` then says what was known.
public struct Failure: WireRecord {
    public var phase: PhaseName
    public var message: String
    public var code: Int?
    public var died: Bool

    public init(phase: PhaseName, message: String, code: Int? = nil, died: Bool = false) {
        self.phase = phase
        self.message = message
        self.code = code
        self.died = died
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            phase: try field("phase"), message: try field("message"), code: try field("code", default: nil),
            died: try field("died", default: false))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("phase", phase)
        try field("message", message)
        try field("code", code)
        try field("died", died)
    }
}

/// One compute unit. A phase that was not reached is nil or empty.
public struct UnitRun: WireRecord {
    public var computeUnits: ComputeUnits
    /// From paths never loaded before.
    public var coldLoadNs: [Int] = []
    /// From the path loaded last.
    public var cachedLoadNs: Int?
    public var firstPredictionNs: Int?
    public var rounds: [Round] = []
    /// Empty where the system gives no compute plan (before iOS 17.4).
    public var placements: [OperatorPlacement] = []
    public var outputs: [SampleOutputs] = []
    /// The process's largest physical footprint while this unit was at work.
    public var peakFootprintBytes: Int?
    public var failure: Failure?

    public init(computeUnits: ComputeUnits) { self.computeUnits = computeUnits }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        computeUnits = try field("compute_units")
        coldLoadNs = try field("cold_load_ns", default: [])
        cachedLoadNs = try field("cached_load_ns", default: nil)
        firstPredictionNs = try field("first_prediction_ns", default: nil)
        rounds = try field("rounds", default: [])
        placements = try field("placements", default: [])
        outputs = try field("outputs", default: [])
        peakFootprintBytes = try field("peak_footprint_bytes", default: nil)
        failure = try field("failure", default: nil)
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("compute_units", computeUnits)
        try field("cold_load_ns", coldLoadNs)
        try field("cached_load_ns", cachedLoadNs)
        try field("first_prediction_ns", firstPredictionNs)
        try field("rounds", rounds)
        try field("placements", placements)
        try field("outputs", outputs)
        try field("peak_footprint_bytes", peakFootprintBytes)
        try field("failure", failure)
    }
}
