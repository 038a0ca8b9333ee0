#if os(Linux)
    import LatencyCore
    import Testing

    @Suite("Clocks of the systems")
    struct SystemClockTests {
        /// The stand-in for Darwin reads the same clock, so its reading lies between two of Linux's.
        @Test("Apple's and Linux's count the same nanoseconds")
        func nanoseconds() {
            let (before, between, after) = (LinuxClock().now(), AppleClock().now(), LinuxClock().now())
            #expect(before <= between && between <= after)
            #expect(before > 0)
        }

        @Test("each says which it is, and Linux uses its own")
        func names() {
            #expect(AppleClock().name == "CLOCK_UPTIME_RAW")
            #expect(SystemClock().name == "CLOCK_MONOTONIC")
        }
    }
#endif
