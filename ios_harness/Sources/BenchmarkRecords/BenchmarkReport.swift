/// One job, measured. Times are nanoseconds on the device's monotonic clock, from the start of the run.
public struct BenchmarkReport: WireRecord {
    public static var schema: Schema? { Schema("benchmark", 1) }

    /// Made by the device; sending the same report again changes nothing.
    public var id: String
    public var job: String
    /// The identity of the package's content.
    public var package: String
    public var device: DeviceIdentity
    public var app: AppIdentity
    /// As it was carried out.
    public var plan: MeasurementPlan
    /// Wall clock, UTC, ISO 8601.
    public var started: String
    public var durationNs: Int
    /// The name of the monotonic clock, and its smallest step as observed.
    public var clock: String
    public var clockResolutionNs: Int
    /// Median duration of an empty timed region on this device.
    public var overheadNs: Int
    public var units: [UnitRun]
    public var conditions: [ConditionSample]
    public var validity: Validity
    /// Of `.mlpackage` to `.mlmodelc`, nil where a compiled one was at hand.
    public var compileNs: Int?
    public var failure: Failure?
    public var notes: [String: String]

    public init(
        id: String, job: String, package: String, device: DeviceIdentity, app: AppIdentity, plan: MeasurementPlan,
        started: String, durationNs: Int, clock: String, clockResolutionNs: Int, overheadNs: Int, units: [UnitRun],
        conditions: [ConditionSample], validity: Validity, compileNs: Int? = nil, failure: Failure? = nil,
        notes: [String: String] = [:]
    ) {
        self.id = id
        self.job = job
        self.package = package
        self.device = device
        self.app = app
        self.plan = plan
        self.started = started
        self.durationNs = durationNs
        self.clock = clock
        self.clockResolutionNs = clockResolutionNs
        self.overheadNs = overheadNs
        self.units = units
        self.conditions = conditions
        self.validity = validity
        self.compileNs = compileNs
        self.failure = failure
        self.notes = notes
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            id: try field("id"), job: try field("job"), package: try field("package"), device: try field("device"),
            app: try field("app"), plan: try field("plan"), started: try field("started"),
            durationNs: try field("duration_ns"), clock: try field("clock"),
            clockResolutionNs: try field("clock_resolution_ns"), overheadNs: try field("overhead_ns"),
            units: try field("units"), conditions: try field("conditions"), validity: try field("validity"),
            compileNs: try field("compile_ns", default: nil), failure: try field("failure", default: nil),
            notes: try field("notes", default: [:]))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("id", id)
        try field("job", job)
        try field("package", package)
        try field("device", device)
        try field("app", app)
        try field("plan", plan)
        try field("started", started)
        try field("duration_ns", durationNs)
        try field("clock", clock)
        try field("clock_resolution_ns", clockResolutionNs)
        try field("overhead_ns", overheadNs)
        try field("units", units)
        try field("conditions", conditions)
        try field("validity", validity)
        try field("compile_ns", compileNs)
        try field("failure", failure)
        try field("notes", notes)
    }
}
