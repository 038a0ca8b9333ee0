import BenchmarkRecords
import Foundation

/// Where the app keeps things:
///
///     blobs/SHA256                  inputs
///     packages/IDENTITY/NAME        packages as they were fetched
///     compiled/IDENTITY/BUILD.mlmodelc   kept, one per build of the operating system
///     runs/ID/journal.jsonl, report.json, outputs/SHA256, models/
///     pairing.json
public struct Workspace: Sendable {
    public let root: URL
    /// Where finished reports are left for people to share, `JOB/report.json` and `JOB/blobs/SHA256`; nil for nowhere.
    public let shared: URL?

    public init(_ root: URL, shared: URL? = nil) {
        self.root = root
        self.shared = shared
    }

    public var runs: URL { root.appendingPathComponent("runs") }
    public var pairing: URL { root.appendingPathComponent("pairing.json") }

    public func blob(_ sha256: String) throws -> URL {
        guard sha256.count == 64, sha256.allSatisfy({ "0123456789abcdef".contains($0) }) else {
            throw WireError("`\(sha256)` is not a SHA-256 in lowercase hexadecimal")
        }
        return root.appendingPathComponent("blobs/\(sha256)")
    }

    public func run(_ id: String) -> RunFolder { RunFolder(url: runs.appendingPathComponent(id)) }

    public func compiled(_ package: PackageContent, build: String) -> URL {
        let name = String(build.map { $0.isLetter || $0.isNumber ? $0 : "-" })
        return root.appendingPathComponent("compiled/\(package.identity)/\(name).mlmodelc")
    }

    public func package(_ package: PackageContent) throws -> URL {
        let name = try SafePath(package.name)
        guard name.parts.count == 1 else { throw WireError("`\(package.name)` is no name of a package") }
        return root.appendingPathComponent("packages/\(package.identity)/\(package.name)")
    }

    /// Forgets blobs, packages and compiled models that nothing has used since `date`. They come again when needed.
    public func removeUnused(since date: Date) {
        let files = FileManager.default
        for kind in ["blobs", "packages", "compiled"] {
            let folder = root.appendingPathComponent(kind)
            for name in (try? files.contentsOfDirectory(atPath: folder.path)) ?? [] {
                let item = folder.appendingPathComponent(name)
                let used = try? files.attributesOfItem(atPath: item.path)[.modificationDate] as? Date
                if let used, used < date { try? files.removeItem(at: item) }
            }
        }
    }

    /// Marks a blob, or the folder of a package's compiled forms, as used now.
    func markUsed(_ item: URL, at date: Date) {
        try? FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: item.path)
    }

    /// Where each file of `package` belongs. Throws where one would leave the package's folder.
    public func places(of package: PackageContent) throws -> [(file: PackageFile, place: URL)] {
        let folder = try self.package(package)
        guard Set(package.files.map(\.path)).count == package.files.count else {
            throw WireError("the package \(package.name) names a file twice")
        }
        return try package.files.map { file in
            _ = try blob(file.sha256)
            return (file, try SafePath(file.path).parts.reduce(folder) { $0.appendingPathComponent($1) })
        }
    }
}

/// The files of one run.
public struct RunFolder: Sendable {
    public let url: URL

    public var journal: URL { url.appendingPathComponent("journal.jsonl") }
    public var report: URL { url.appendingPathComponent("report.json") }
    public var models: URL { url.appendingPathComponent("models") }
    public var outputs: URL { url.appendingPathComponent("outputs") }
    public func output(_ sha256: String) -> URL { outputs.appendingPathComponent(sha256) }
}

/// A relative path with forward slashes that stays below the folder it is put in.
struct SafePath {
    let parts: [String]

    init(_ path: String) throws {
        parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let refused: Set<String> = ["", ".", ".."]
        guard !parts.isEmpty, !parts.contains(where: refused.contains), !path.contains("\\"), !path.contains("\0"),
            parts.allSatisfy({ $0.utf8.count < 256 })
        else { throw WireError("`\(path)` is not a path inside a package") }
    }
}
