/// The cases of Core ML's MLComputeUnits, by their names there.
public enum ComputeUnits: String, Codable, Sendable, CaseIterable {
    case cpuOnly, cpuAndGPU, cpuAndNeuralEngine, all
}

/// The cases of Foundation's ProcessInfo.ThermalState, coolest first.
public enum ThermalState: String, Codable, Sendable, CaseIterable, Comparable {
    case nominal, fair, serious, critical

    public static func < (left: Self, right: Self) -> Bool {
        allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
    }
}

/// Of the one thread that predicts.
public enum QualityOfServiceName: String, Codable, Sendable, CaseIterable {
    case userInteractive, userInitiated, `default`, utility, background
}

/// How to measure one package. Compute units take turns: round 1 of each, then round 2 of each, and so on.
public struct MeasurementPlan: WireRecord {
    public var computeUnits: [ComputeUnits] = ComputeUnits.allCases
    /// Per compute unit so many rounds, in each of them `warmUp` predictions that are recorded apart, then
    /// `iterations`.
    public var rounds = 20
    public var iterations = 50
    public var warmUp = 10
    /// Load the compiled model again before each round.
    public var reload = true
    /// Loads from a path that was never loaded before, per compute unit.
    public var coldLoads = 1
    public var qualityOfService = QualityOfServiceName.userInteractive
    /// The thermal state up to which measuring goes on; above it the run waits.
    public var hottest = ThermalState.fair
    public var coolDownSeconds = 300.0
    /// For the whole job.
    public var timeLimitSeconds = 3600.0
    public var computePlan = true
    /// Send the outputs on the job's samples back, for every compute unit.
    public var outputs = true
    /// After `rounds`, further rounds of the same form, until a compute unit's timed durations add up to this.
    public var minimumSeconds = 0.0

    public init() {}

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        let usual = MeasurementPlan()
        computeUnits = try field("compute_units", default: usual.computeUnits)
        rounds = try field("rounds", default: usual.rounds)
        iterations = try field("iterations", default: usual.iterations)
        warmUp = try field("warm_up", default: usual.warmUp)
        reload = try field("reload", default: usual.reload)
        coldLoads = try field("cold_loads", default: usual.coldLoads)
        qualityOfService = try field("quality_of_service", default: usual.qualityOfService)
        hottest = try field("hottest", default: usual.hottest)
        coolDownSeconds = try field("cool_down_seconds", default: usual.coolDownSeconds)
        timeLimitSeconds = try field("time_limit_seconds", default: usual.timeLimitSeconds)
        computePlan = try field("compute_plan", default: usual.computePlan)
        outputs = try field("outputs", default: usual.outputs)
        minimumSeconds = try field("minimum_seconds", default: usual.minimumSeconds)
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("compute_units", computeUnits)
        try field("rounds", rounds)
        try field("iterations", iterations)
        try field("warm_up", warmUp)
        try field("reload", reload)
        try field("cold_loads", coldLoads)
        try field("quality_of_service", qualityOfService)
        try field("hottest", hottest)
        try field("cool_down_seconds", coolDownSeconds)
        try field("time_limit_seconds", timeLimitSeconds)
        try field("compute_plan", computePlan)
        try field("outputs", outputs)
        try field("minimum_seconds", minimumSeconds)
    }
}
