import BenchmarkRecords

/// What the app shows. Changes only when something happens that people want to see: drawing costs the GPU time that is
/// being measured.
public struct PhoneScreen: Equatable, Sendable {
    /// One job that is over.
    public struct Line: Equatable, Sendable, Identifiable {
        public let id: String
        public let text: String
        public let isValid: Bool
    }

    public var host: String?
    public var status = "not paired"
    /// Why nothing goes on, and what to do.
    public var problem: String?
    public private(set) var isMeasuring = false
    /// The newest first.
    public private(set) var finished: [Line] = []

    public init() {}

    /// Returns whether anything changed.
    @discardableResult
    public mutating func show(_ update: Worker.Update) -> Bool {
        let before = self
        switch update {
        case .finished(let report):
            let line = Line(id: report.id, text: "\(update)", isValid: report.validity.valid && report.failure == nil)
            finished.insert(line, at: 0)
            isMeasuring = false
        case .running: isMeasuring = true
        case .waiting, .released, .unreachable: isMeasuring = false
        case .delivered: break
        }
        status = "\(update)"
        problem = nil
        return self != before
    }

    public mutating func show(_ error: any Error) {
        isMeasuring = false
        problem = "\(error)"
    }
}
