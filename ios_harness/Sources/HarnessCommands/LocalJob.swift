import BenchmarkRecords
import Foundation
import HarnessFeature
import ModelRunner

/// A job made here, of a package on disk and inputs of noise.
struct LocalJob {
    let package: URL
    let plan: MeasurementPlan
    let surroundings: HarnessEnvironment

    /// Writes it as a job folder, and returns that.
    func written(to folder: URL) async throws -> URL {
        let blobs = folder.appendingPathComponent("blobs")
        try FileManager.default.createDirectory(at: blobs, withIntermediateDirectories: true)
        var files: [PackageFile] = []
        for path in try paths() {
            let bytes = try Data(contentsOf: package.appendingPathComponent(path), options: .mappedIfSafe)
            files.append(PackageFile(path: path, sha256: try keep(bytes, in: blobs), bytes: bytes.count))
        }
        let inputs = try await self.inputs(scratch: folder)
        for input in inputs { _ = try keep(input.data, in: blobs) }
        let job = Job(
            id: "local-" + UUID().uuidString.lowercased(),
            package: PackageContent(name: package.lastPathComponent, files: files),
            samples: [JobSample(name: "noise", inputs: inputs.map(\.content))], plan: plan)
        try WireDocument.encode(job).write(to: folder.appendingPathComponent("job.json"))
        return folder
    }

    private func keep(_ bytes: Data, in folder: URL) throws -> String {
        let hash = SHA256Digest.hex(bytes)
        try bytes.write(to: folder.appendingPathComponent(hash))
        return hash
    }

    /// Of every file, relative to the package, sorted by code points.
    private func paths() throws -> [String] {
        let root = package.standardizedFileURL.path + "/"
        guard let walk = FileManager.default.enumerator(at: package, includingPropertiesForKeys: [.isRegularFileKey])
        else {
            throw WireError("\(package.path) cannot be read")
        }
        let files = try walk.compactMap { $0 as? URL }.filter {
            try $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true
        }
        let paths = files.map { String($0.standardizedFileURL.path.dropFirst(root.count)) }
        guard !paths.isEmpty else { throw WireError("there is no package at \(package.path)") }
        return paths.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    }

    /// What the model says it takes, filled with the same noise every time.
    private func inputs(scratch: URL) async throws -> [Tensor] {
        let compiled = scratch.appendingPathComponent("interface.mlmodelc")
        try await surroundings.runner.compile(package, compiled)
        defer { try? FileManager.default.removeItem(at: compiled) }
        let model = try surroundings.runner.load(LoadRequest(compiled: compiled, computeUnits: .cpuOnly))
        return model.inputs.map(\.noise)
    }
}
