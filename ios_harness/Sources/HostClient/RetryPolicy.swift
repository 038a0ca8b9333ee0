import BenchmarkRecords
import Foundation

/// How often, and after which pauses, a request is repeated that was lost on the way or that the host was too busy for.
public struct RetryPolicy: Sendable {
    /// Seconds before each repetition; as many repetitions as there are pauses.
    public var pauses: [Double]
    /// Of each pause, at random: phones that lost one host do not all come back at the same moment.
    public var spread: ClosedRange<Double>
    public var sleep: @Sendable (_ seconds: Double) async throws -> Void

    public init(
        pauses: [Double] = [0.25, 0.5, 1, 2, 4, 8, 15, 15, 15], spread: ClosedRange<Double> = 0.5...1,
        sleep: @escaping @Sendable (Double) async throws -> Void = {
            try await Task.sleep(nanoseconds: UInt64($0 * 1e9))
        }
    ) {
        self.pauses = pauses
        self.spread = spread
        self.sleep = sleep
    }

    /// Tries only once.
    public static let none = RetryPolicy(pauses: [])

    public func run<Value: Sendable>(_ attempt: @Sendable () async throws -> Value) async throws -> Value {
        for pause in pauses {
            do {
                return try await attempt()
            } catch is ConnectionLost {
                try await sleep(pause * .random(in: spread))
            } catch let error as Refused where error.mayBeRepeated {
                try await sleep(max(pause * .random(in: spread), error.retryAfter ?? 0))
            }
        }
        return try await attempt()
    }
}

/// The host's answer was no. `problem`: why, in its words; `retryAfter`: seconds.
public struct Refused: Error, Equatable, CustomStringConvertible {
    public var problem: Problem
    public var retryAfter: Double?

    public init(problem: Problem, retryAfter: Double? = nil) {
        self.problem = problem
        self.retryAfter = retryAfter
    }

    public var code: ProblemCode { problem.code }
    public var description: String { "\(problem.message) \(problem.remedy)" }

    /// docs/protocol.md, "Refusals"; 502 and 504 are a proxy's words for a host that is starting.
    var mayBeRepeated: Bool { [408, 429, 500, 502, 503, 504].contains(problem.status) }
}
