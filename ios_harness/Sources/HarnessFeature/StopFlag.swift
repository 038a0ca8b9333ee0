import Foundation

/// Set by one thread, asked by the measuring thread before each prediction.
public final class StopFlag: @unchecked Sendable {
    public enum Reason: Equatable, Sendable {
        /// Nobody waits for the job any more.
        case cancelled
        /// The user, or the app's end.
        case stopped
        case timeLimit
    }

    private let lock = NSLock()
    private var stored: Reason?

    public init() {}

    public var reason: Reason? { lock.withLock { stored } }

    /// The first reason stands.
    public func set(_ reason: Reason) { lock.withLock { stored = stored ?? reason } }
}
