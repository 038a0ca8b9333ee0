#if os(Linux)
    import AppleKernel
    import Glibc

    /// The system's finest clock that does not run while the device sleeps and that nobody sets.
    public typealias SystemClock = LinuxClock
#else
    import Darwin

    /// The system's finest clock that does not run while the device sleeps and that nobody sets.
    public typealias SystemClock = AppleClock
#endif

public struct AppleClock: MonotonicClock {
    public let name = "CLOCK_UPTIME_RAW"

    public init() {}

    @inlinable
    public func now() -> Int { Int(clock_gettime_nsec_np(CLOCK_UPTIME_RAW)) }
}

#if os(Linux)
    public struct LinuxClock: MonotonicClock {
        public let name = "CLOCK_MONOTONIC"

        public init() {}

        @inlinable
        public func now() -> Int {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return time.tv_sec &* 1_000_000_000 &+ time.tv_nsec
        }
    }
#endif
