#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// Nanoseconds that only go forward. Injected, so that tests say what time it is.
public protocol MonotonicClock: Sendable {
    /// The name of the clock, for the report.
    var name: String { get }
    /// Nanoseconds since some moment in the past.
    func now() -> Int
}

/// The system's finest clock that does not run while the device sleeps and that nobody sets.
public struct SystemClock: MonotonicClock {
    public init() {}

    #if canImport(Darwin)
        public let name = "CLOCK_UPTIME_RAW"

        @inlinable
        public func now() -> Int { Int(clock_gettime_nsec_np(CLOCK_UPTIME_RAW)) }
    #else
        public let name = "CLOCK_MONOTONIC"

        @inlinable
        public func now() -> Int {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return time.tv_sec &* 1_000_000_000 &+ time.tv_nsec
        }
    #endif
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
