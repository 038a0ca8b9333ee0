import BenchmarkRecords

/// What a run was asked to do, by whom and with what: the first line of its journal.
public struct RunHeader: Codable, Equatable, Sendable {
    /// Of the report.
    public var id: String
    public var job: Job
    public var device: DeviceIdentity
    public var app: AppIdentity
    /// Wall clock, UTC, ISO 8601.
    public var started: String
    public var clock: String

    public init(id: String, job: Job, device: DeviceIdentity, app: AppIdentity, started: String, clock: String) {
        self.id = id
        self.job = job
        self.device = device
        self.app = app
        self.started = started
        self.clock = clock
    }
}

/// One thing that happened in a run. The journal is the list of them; the report is what they add up to.
///
/// Times are nanoseconds since the start of the run.
public enum RunEvent: Codable, Equatable, Sendable {
    case began(RunHeader)
    /// Written before the work, so that the last one tells where a run died.
    case entered(phase: PhaseName, units: ComputeUnits?, round: Int?, atNs: Int)
    case readClock(resolutionNs: Int, overheadNs: Int)
    case compiled(ns: Int)
    case coldLoaded(units: ComputeUnits, ns: Int)
    case cachedLoaded(units: ComputeUnits, ns: Int)
    case firstPredicted(units: ComputeUnits, ns: Int)
    case measured(units: ComputeUnits, round: Round)
    case answered(units: ComputeUnits, outputs: SampleOutputs)
    case placed(units: ComputeUnits, placements: [OperatorPlacement])
    case watched(ConditionSample)
    /// A new largest footprint while this unit was at work.
    case grew(units: ComputeUnits, bytes: Int)
    case noted(key: String, value: String)
    case unitFailed(units: ComputeUnits, failure: Failure)
    case failed(Failure)
    case ended(atNs: Int)
}
