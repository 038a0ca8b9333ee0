import CountedAllocation
import Testing

@testable import LatencyCore

/// A clock that advances by what the test says.
final class ManualClock: MonotonicClock, @unchecked Sendable {
    let name = "manual"
    var time = 0
    /// Added at each reading.
    var step = 0

    init(time: Int = 0, step: Int = 0) {
        self.time = time
        self.step = step
    }

    func now() -> Int {
        defer { time += step }
        return time
    }
}

private struct Refused: Error {}

@Suite("Sampler")
struct SamplerTests {
    @Test("records starts from the origin, and durations")
    func series() {
        let clock = ManualClock(time: 1000)
        let buffer = SampleBuffer(capacity: 3)
        var durations = [30, 10, 20]
        Sampler(clock: clock, origin: 900).sample(3, into: buffer) {
            clock.time += durations.removeFirst()
        }
        #expect(buffer.starts == [100, 130, 140])
        #expect(buffer.durations == [30, 10, 20])
        #expect(buffer.total == 60)
    }

    @Test("keeps what came before a prediction that fails")
    func failing() {
        let clock = ManualClock(step: 5)
        let buffer = SampleBuffer(capacity: 10)
        var predictions = 0
        #expect(throws: Refused.self) {
            try Sampler(clock: clock).sample(10, into: buffer) {
                predictions += 1
                if predictions == 3 { throw Refused() }
            }
        }
        #expect(buffer.durations == [5, 5])
    }

    @Test("stops before the next prediction when asked to")
    func stopping() {
        let buffer = SampleBuffer(capacity: 10)
        Sampler(clock: ManualClock(step: 1)).sample(10, into: buffer, until: { buffer.count == 4 }) {}
        #expect(buffer.count == 4)
    }

    @Test("is used again after clearing")
    func clearing() {
        let buffer = SampleBuffer(capacity: 1)
        buffer.append(start: 1, end: 4)
        buffer.clear()
        buffer.append(start: 7, end: 9)
        #expect(buffer.starts == [7])
        #expect(buffer.durations == [2])
    }

    @Test("times one operation and returns its value")
    func once() {
        let clock = ManualClock(step: 7)
        let timed = Sampler(clock: clock).time { "value" }
        #expect(timed == ("value", 7))
    }

    @Test("allocates nothing from the first sample to the last", .enabled(if: counted_allocations() >= 0))
    func allocations() throws {
        let buffer = SampleBuffer(capacity: 1000)
        let sampler = Sampler(clock: SystemClock())
        let predict: () throws -> Void = {}
        // Swift makes the types' descriptions once, at their first use.
        try sampler.sample(1, into: buffer, predict)
        buffer.clear()
        let before = counted_allocations()
        try sampler.sample(1000, into: buffer, predict)
        #expect(counted_allocations() == before)
        #expect(buffer.count == 1000)
    }

    @Test("the count of allocations sees one", .enabled(if: counted_allocations() >= 0))
    func counts() {
        let before = counted_allocations()
        let buffer = SampleBuffer(capacity: 10)
        #expect(counted_allocations() > before)
        #expect(buffer.capacity == 10)
    }
}

@Suite("Clock")
struct ClockTests {
    @Test("only goes forward, in nanoseconds")
    func forward() async throws {
        let clock = SystemClock()
        let start = clock.now()
        try await Task.sleep(nanoseconds: 20_000_000)
        #expect(clock.now() - start >= 20_000_000)
    }

    @Test("resolution and overhead are read off the clock")
    func quality() {
        #expect(
            ClockQuality.measured(ManualClock(step: 42), count: 10) == ClockQuality(resolutionNs: 42, overheadNs: 42))
    }

    @Test("a clock that stands still has no resolution")
    func still() {
        #expect(ClockQuality.measured(ManualClock(), count: 3) == ClockQuality(resolutionNs: 0, overheadNs: 0))
    }

    @Test("the system's clock is fine enough for a prediction")
    func system() {
        let quality = ClockQuality.measured(SystemClock())
        #expect((1...10_000).contains(quality.resolutionNs))
        #expect((1...10_000).contains(quality.overheadNs))
    }
}
