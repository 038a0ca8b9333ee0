/// Room for the times of so many predictions, taken before the first of them. Belongs to one thread.
public final class SampleBuffer {
    @usableFromInline let startsBase: UnsafeMutablePointer<Int>
    @usableFromInline let durationsBase: UnsafeMutablePointer<Int>
    public let capacity: Int
    @usableFromInline var used = 0

    public var count: Int { used }

    public init(capacity: Int) {
        self.capacity = capacity
        startsBase = .allocate(capacity: capacity)
        durationsBase = .allocate(capacity: capacity)
        // Written once now: memory that was never touched is mapped at the first write, inside the timed region.
        startsBase.initialize(repeating: 0, count: capacity)
        durationsBase.initialize(repeating: 0, count: capacity)
    }

    deinit {
        startsBase.deallocate()
        durationsBase.deallocate()
    }

    public func clear() { used = 0 }

    @inlinable
    public func append(start: Int, end: Int) {
        precondition(used < capacity, "a sample buffer for \(capacity) samples is full")
        startsBase[used] = start
        durationsBase[used] = end &- start
        used &+= 1
    }

    public var starts: [Int] { Array(UnsafeBufferPointer(start: startsBase, count: used)) }
    public var durations: [Int] { Array(UnsafeBufferPointer(start: durationsBase, count: used)) }
    /// The sum of the durations.
    public var total: Int { UnsafeBufferPointer(start: durationsBase, count: used).reduce(0, +) }
}
