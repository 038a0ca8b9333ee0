import BenchmarkRecords
import Foundation
import HostClient

/// Reports that are on disk: of runs that ended, and of runs that died with the app. Delivered until the host has them.
public struct RunRecovery: Sendable {
    let workspace: Workspace

    public init(workspace: Workspace) { self.workspace = workspace }

    /// What became of a report.
    public enum Delivery: Equatable, Sendable {
        case stored(Receipt)
        /// The host wants it no more: it has another for the job, or does not know the job.
        case unwanted(Problem)
    }

    /// Writes the report of every run that died while it ran, and returns the folders of all that are to be delivered.
    public func pending() throws -> [RunFolder] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: workspace.runs.path)) ?? []
        return try names.sorted().compactMap { name in
            let folder = workspace.run(name)
            if FileManager.default.fileExists(atPath: folder.report.path) { return folder }
            let events = (try? Journal.read(folder.journal)) ?? []
            guard var state = RunState(replaying: events) else {
                try? FileManager.default.removeItem(at: folder.url)  // It died before its first line.
                return nil
            }
            if !state.hasEnded { state.markDied() }
            try? FileManager.default.removeItem(at: folder.models)
            try keep(state.report, in: folder)
            return folder
        }
    }

    /// Puts the report at its place, whole or not at all, and a copy where people find it.
    func keep(_ report: BenchmarkReport, in folder: RunFolder) throws {
        let bytes = try WireDocument.encode(report)
        try share(report, bytes, folder)
        try bytes.write(to: folder.report, options: .atomic)
    }

    private func share(_ report: BenchmarkReport, _ bytes: Data, _ folder: RunFolder) throws {
        guard let shared = workspace.shared, let name = try? SafePath(report.job), name.parts.count == 1 else { return }
        let files = FileManager.default
        let (place, partial) = (
            shared.appendingPathComponent(report.job), shared.appendingPathComponent(".\(report.job).partial")
        )
        for old in [place, partial] where files.fileExists(atPath: old.path) { try files.removeItem(at: old) }
        try files.createDirectory(at: partial, withIntermediateDirectories: true)
        if files.fileExists(atPath: folder.outputs.path) {
            try files.copyItem(at: folder.outputs, to: partial.appendingPathComponent("blobs"))
        }
        try bytes.write(to: partial.appendingPathComponent("report.json"))
        try files.moveItem(at: partial, to: place)
    }

    /// Sends the outputs, then the report, then forgets the run. Throws where the host could not be asked: later, then.
    public func deliver(_ folder: RunFolder, to client: HostClient) async throws -> Delivery {
        let bytes = try Data(contentsOf: folder.report)
        let report = try WireDocument.decode(BenchmarkReport.self, from: bytes)
        do {
            for output in Set(report.units.flatMap(\.outputs).flatMap(\.outputs).map(BlobIdentity.init)) {
                try await client.upload(output, folder.output(output.sha256))
            }
            let receipt = try await client.report(report.job, bytes)
            try FileManager.default.removeItem(at: folder.url)
            return .stored(receipt)
        } catch let error as Refused where error.isFinal {
            try FileManager.default.removeItem(at: folder.url)
            return .unwanted(error.problem)
        }
    }
}

extension BlobIdentity {
    init(_ tensor: TensorContent) { self.init(sha256: tensor.sha256, bytes: tensor.bytes) }
}

extension Refused {
    /// No repetition will change the answer, and pairing again will not either.
    fileprivate var isFinal: Bool { ![401, 408, 426, 429].contains(problem.status) && problem.status < 500 }
}
