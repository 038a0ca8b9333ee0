import BenchmarkRecords

extension Worker.Update: CustomStringConvertible {
    /// For the screen and for the terminal.
    public var description: String {
        switch self {
        case .waiting: "waiting for a job"
        case .running(let progress, let package): "\(package): \(progress.sentence)"
        case .finished(let report):
            "\(report.job): \(report.failure?.message ?? "measured, \(report.validity.sentence)")"
        case .released(let release, let package): "\(package): given back, \(release.reason)"
        case .delivered(.stored(let receipt)):
            "report \(receipt.report) stored\(receipt.first ? "" : " (it was before)")"
        case .delivered(.unwanted(let problem)): "report not taken: \(problem.message)"
        case .unreachable(let reason, let again): "no answer from the host (\(reason)); again in \(Int(again)) s"
        }
    }
}

extension Validity {
    public var sentence: String { valid ? "valid" : "not valid: " + reasons.joined(separator: "; ") }
}

extension RunProgress {
    /// Phase, compute unit and round; the same all through a phase, so that a screen stands still while it is measured.
    var sentence: String {
        phase.rawValue + (computeUnits.map { " on \($0.rawValue)" } ?? "") + (round.map { ", round \($0)" } ?? "")
    }
}
