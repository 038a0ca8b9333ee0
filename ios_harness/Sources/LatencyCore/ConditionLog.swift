import BenchmarkRecords

/// What was watched during a run: the first reading, each change, and one a second in between.
public struct ConditionLog: Equatable, Sendable {
    public private(set) var samples: [ConditionSample] = []
    public static let intervalNs = 1_000_000_000

    public init() {}

    /// Keeps `sample` where it tells something new, or a second has passed. Returns whether it did.
    public mutating func take(_ sample: ConditionSample, always: Bool = false) -> Bool {
        if let last = samples.last, !always, !differs(sample, last), sample.atNs - last.atNs < Self.intervalNs {
            return false
        }
        samples.append(sample)
        return true
    }

    /// Battery level and footprint drift all the time: they are no change.
    private func differs(_ a: ConditionSample, _ b: ConditionSample) -> Bool {
        a.thermal != b.thermal || a.lowPower != b.lowPower || a.foreground != b.foreground || a.debugger != b.debugger
            || a.batteryState != b.batteryState
    }
}
