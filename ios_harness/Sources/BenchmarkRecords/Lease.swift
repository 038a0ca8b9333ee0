/// A job given to one device until the lease is released, lost, or its report has come. `attempt`: from 1.
public struct Lease: WireRecord {
    public static var schema: Schema? { Schema("lease", 1) }

    public var id: String
    public var job: Job
    public var attempt: Int

    public init(id: String, job: Job, attempt: Int) {
        self.id = id
        self.job = job
        self.attempt = attempt
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(id: try field("id"), job: try field("job"), attempt: try field("attempt"))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("id", id)
        try field("job", job)
        try field("attempt", attempt)
    }
}

/// How far a run has come, for people to watch: `Progress` on the wire. `fraction`: of the phase, 0..1.
public struct RunProgress: WireRecord {
    public var phase: PhaseName
    public var computeUnits: ComputeUnits?
    public var round: Int?
    public var fraction: Double

    public init(phase: PhaseName, computeUnits: ComputeUnits? = nil, round: Int? = nil, fraction: Double = 0) {
        self.phase = phase
        self.computeUnits = computeUnits
        self.round = round
        self.fraction = fraction
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            phase: try field("phase"), computeUnits: try field("compute_units", default: nil),
            round: try field("round", default: nil), fraction: try field("fraction", default: 0))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("phase", phase)
        try field("compute_units", computeUnits)
        try field("round", round)
        try field("fraction", fraction)
    }
}

public struct Heartbeat: WireRecord {
    public static var schema: Schema? { Schema("heartbeat", 1) }

    public var progress: RunProgress

    public init(progress: RunProgress) { self.progress = progress }

    public init(from decoder: any Decoder) throws {
        progress = try FieldReader(decoder, Self.self)("progress")
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("progress", progress)
    }
}

/// `cancelled`: nobody waits for the job any more; stop, release the lease.
public struct HeartbeatAnswer: WireRecord {
    public static var schema: Schema? { Schema("heartbeat-answer", 1) }

    public var cancelled: Bool

    public init(cancelled: Bool = false) { self.cancelled = cancelled }

    public init(from decoder: any Decoder) throws {
        cancelled = try FieldReader(decoder, Self.self)("cancelled", default: false)
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("cancelled", cancelled)
    }
}

/// A lease given back without a report. `retry`: the job may be given to a device again.
public struct Release: WireRecord {
    public static var schema: Schema? { Schema("release", 1) }

    public var reason: String
    public var retry: Bool

    public init(reason: String, retry: Bool = true) {
        self.reason = reason
        self.retry = retry
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(reason: try field("reason"), retry: try field("retry", default: true))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("reason", reason)
        try field("retry", retry)
    }
}

/// A report is stored. `first`: false where it had been stored before, and was not counted again.
public struct Receipt: WireRecord {
    public static var schema: Schema? { Schema("receipt", 1) }

    public var report: String
    public var first: Bool

    public init(report: String, first: Bool) {
        self.report = report
        self.first = first
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(report: try field("report"), first: try field("first"))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("report", report)
        try field("first", first)
    }
}
