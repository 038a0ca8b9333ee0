/// Nanoseconds that only go forward. Injected, so that tests say what time it is.
public protocol MonotonicClock: Sendable {
    /// The name of the clock, for the report.
    var name: String { get }
    /// Nanoseconds since some moment in the past.
    func now() -> Int
}

/// What the clock itself costs and can tell.
public struct ClockQuality: Equatable, Sendable {
    /// The smallest step between two readings that differ.
    public let resolutionNs: Int
    /// Median duration of an empty timed region.
    public let overheadNs: Int

    public init(resolutionNs: Int, overheadNs: Int) {
        self.resolutionNs = resolutionNs
        self.overheadNs = overheadNs
    }

    /// Measures `clock` by `count` readings of each kind. A clock that stands still has resolution 0.
    public static func measured(_ clock: some MonotonicClock, count: Int = 1000) -> ClockQuality {
        let buffer = SampleBuffer(capacity: count)
        Sampler(clock: clock).sample(count, into: buffer) {}
        let overhead = buffer.durations.sorted()[count / 2]
        var smallest = Int.max
        for _ in 0..<count {
            let first = clock.now()
            var next = clock.now()
            for _ in 0..<1000 where next == first { next = clock.now() }
            if next > first { smallest = min(smallest, next - first) }
        }
        return ClockQuality(resolutionNs: smallest == .max ? 0 : smallest, overheadNs: overhead)
    }
}
