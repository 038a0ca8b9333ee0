import BenchmarkRecords
import Foundation
import HarnessFeature
import ModelRunner

extension HarnessCommand {
    func measure(_ words: [String]) async throws {
        let arguments = try Arguments(
            words, known: ["state", "name", "compute-units", "rounds", "iterations", "warm-up", "simulation"])
        guard let first = arguments.words.first, arguments.words.count <= 2 else {
            throw UsageError("measure needs a job folder and a report folder, or a package")
        }
        var surroundings = try surroundings(arguments)
        // Runs that died here are no business of the host's.
        surroundings.workspace = Workspace(surroundings.workspace.root.appendingPathComponent("folders"))
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("measure-" + UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: scratch) }
        var source = URL(fileURLWithPath: first)
        if source.pathExtension == "mlpackage" {
            source = try await LocalJob(package: source, plan: plan(arguments), surroundings: surroundings)
                .written(to: scratch)
        } else if arguments.words.count < 2 {
            throw UsageError("measure needs a report folder after the job folder")
        }
        let destination =
            arguments.words.count == 2
            ? URL(fileURLWithPath: arguments.words[1]) : scratch.appendingPathComponent("report")
        let folder = try JobFolder(source: source, destination: destination)
        let narrator = Narrator(tell: tell)
        let report = try await folder.measure(surroundings) {
            narrator.tell(.running($0.progress, package: folder.job.package.name))
        }
        for line in Self.table(report) { answer(line) }
    }

    private func plan(_ arguments: Arguments) throws -> MeasurementPlan {
        var plan = MeasurementPlan()
        plan.rounds = try arguments.number("rounds") ?? plan.rounds
        plan.iterations = try arguments.number("iterations") ?? plan.iterations
        plan.warmUp = try arguments.number("warm-up") ?? plan.warmUp
        if let names = arguments["compute-units"] {
            plan.computeUnits = try names.split(separator: ",").map { name in
                guard let units = ComputeUnits(rawValue: String(name)) else {
                    let all = ComputeUnits.allCases.map(\.rawValue).joined(separator: ", ")
                    throw UsageError("--compute-units: `\(name)` is none of \(all)")
                }
                return units
            }
        }
        return plan
    }

    /// Enough to see that it went well; every other statistic is the host's.
    static func table(_ report: BenchmarkReport) -> [String] {
        func milliseconds(_ ns: Int?) -> String { ns.map { String(format: "%.3f ms", Double($0) / 1e6) } ?? "-" }
        let units = report.units.map { run in
            let durations = run.rounds.flatMap(\.durationsNs).sorted()
            let median = durations.isEmpty ? nil : durations[durations.count / 2]
            let failure = run.failure.map { "  \($0.phase.rawValue): \($0.message)" } ?? ""
            return
                "\(run.computeUnits.rawValue): median \(milliseconds(median)), lowest \(milliseconds(durations.first)), "
                + "cold load \(milliseconds(run.coldLoadNs.first)), cached \(milliseconds(run.cachedLoadNs)), "
                + "first prediction \(milliseconds(run.firstPredictionNs)), \(durations.count) samples\(failure)"
        }
        return units + (report.failure.map { [$0.message] } ?? []) + [report.validity.sentence]
    }
}
