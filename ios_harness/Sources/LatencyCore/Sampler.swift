#if os(Linux)
    import AppleFoundation
#else
    import ObjectiveC
#endif

/// Times one operation after another, on the thread that calls. Between the two readings of the clock stands nothing
/// but the operation; nothing is allocated from the first sample to the last.
public struct Sampler<Clock: MonotonicClock> {
    public let clock: Clock
    @usableFromInline let origin: Int

    /// `origin`: the reading of the clock from which starts are counted.
    @inlinable
    public init(clock: Clock, origin: Int = 0) {
        self.clock = clock
        self.origin = origin
    }

    /// Appends `count` samples to `buffer`, fewer where `stop` says so before one of them. A throwing operation ends
    /// the series; what was sampled before it stays.
    @inlinable
    public func sample(
        _ count: Int, into buffer: SampleBuffer, until stop: () -> Bool = { false }, _ operation: () throws -> Void
    ) rethrows {
        for _ in 0..<count where !stop() {
            try pooled {
                let start = clock.now()
                try operation()
                let end = clock.now()
                buffer.append(start: start &- origin, end: end &- origin)
            }
        }
    }

    /// The duration of one operation, in nanoseconds, and what it returned.
    @inlinable
    public func time<Value>(_ operation: () throws -> Value) rethrows -> (value: Value, durationNs: Int) {
        let start = clock.now()
        let value = try operation()
        return (value, clock.now() &- start)
    }

    /// What Core ML releases automatically is freed after each prediction, outside the timed region.
    @inlinable
    func pooled(_ body: () throws -> Void) rethrows {
        try autoreleasepool { try body() }
    }
}
