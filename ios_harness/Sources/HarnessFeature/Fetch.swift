import BenchmarkRecords
import Foundation
import HostClient
import ModelRunner

/// Brings a job's package and inputs here. What is here already is not fetched again: it was checked when it came.
struct Fetch: Sendable {
    let workspace: Workspace
    let client: HostClient
    let date: Date

    /// The package's folder, whole.
    func package(_ package: PackageContent) async throws -> URL {
        for (file, place) in try workspace.places(of: package) where !isHere(place, bytes: file.bytes) {
            try await client.download(BlobIdentity(sha256: file.sha256, bytes: file.bytes), place)
        }
        return try workspace.package(package)
    }

    func inputs(_ sample: JobSample) async throws -> [Tensor] {
        var tensors: [Tensor] = []
        for input in sample.inputs {
            let place = try workspace.blob(input.sha256)
            if !isHere(place, bytes: input.bytes) {
                try await client.download(BlobIdentity(sha256: input.sha256, bytes: input.bytes), place)
            }
            workspace.markUsed(place, at: date)
            tensors.append(
                Tensor(
                    name: input.name, dtype: input.dtype, shape: input.shape, kind: input.kind,
                    data: try Data(contentsOf: place)))
        }
        return tensors
    }

    private func isHere(_ place: URL, bytes: Int) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: place.path)
        return (attributes?[.size] as? NSNumber)?.intValue == bytes
    }
}
