import Foundation

/// One thread that runs everything that is timed, so that no measurement moves between cores' queues or waits for
/// another task. Used as the executor of an actor: the actor's code then runs on this thread alone.
public final class MeasuringThread: SerialExecutor, @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []
    private var ended = false

    public init(name: String, quality: QualityOfService) {
        let thread = Thread { [self] in loop() }
        thread.name = name
        thread.qualityOfService = quality
        // Core ML's compilers recurse deeply; a secondary thread has 512 KiB by default.
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// In the form that iOS 16 knows; later systems hand over the same.
    public func enqueue(_ job: UnownedJob) {
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Lets the thread go, once it has done what was asked of it. Nothing may be asked of it afterwards.
    public func end() {
        condition.withLock {
            ended = true
            condition.signal()
        }
    }

    private func loop() {
        while let job = next() { job.runSynchronously(on: asUnownedSerialExecutor()) }
    }

    private func next() -> UnownedJob? {
        condition.withLock {
            while jobs.isEmpty {
                if ended { return nil }
                condition.wait()
            }
            return jobs.removeFirst()
        }
    }
}
