import BenchmarkRecords
import Foundation

/// One blob to one file. It grows beside its place under a name of its own; an interrupted transfer goes on where it
/// was, also after the app was killed; only the bytes with the right hash get the final name.
struct BlobDownload: Sendable {
    let blob: BlobIdentity
    let destination: URL
    let conversation: HostConversation

    private var partial: URL { destination.appendingPathExtension("partial") }

    func run() async throws {
        try FileManager.default.createDirectory(
            at: destination.deletingLastPathComponent(), withIntermediateDirectories: true)
        do {
            try await fetchAndCheck()
        } catch is WrongBytes {
            // A file from an earlier start may be to blame: once more from the first byte.
            do {
                try await fetchAndCheck()
            } catch is WrongBytes {
                throw WireError("the host sent other bytes than those of blob \(blob.sha256)")
            }
        }
    }

    private struct WrongBytes: Error {}

    private func fetchAndCheck() async throws {
        try await conversation.retries.run { try await fetchRest() }
        guard try Self.digest(of: partial) == blob.sha256 else {
            try FileManager.default.removeItem(at: partial)
            throw WrongBytes()
        }
        if FileManager.default.fileExists(atPath: destination.path) {
            try FileManager.default.removeItem(at: destination)
        }
        try FileManager.default.moveItem(at: partial, to: destination)
    }

    private func fetchRest() async throws {
        let file = try GrowingFile(partial, limit: blob.bytes)
        defer { file.close() }
        let offset = file.count
        guard offset < blob.bytes || (blob.bytes == 0 && offset == 0) else { return }
        let path = "/v1/blobs/\(blob.sha256)"
        let headers = offset > 0 ? ["range": "bytes=\(offset)-"] : [:]
        do {
            _ = try await conversation.once(
                HTTPRequest("GET", path, headers: headers, sink: { try file.take($1, continuing: $0.status == 206) }))
        } catch let error as Refused where error.code == .range {
            try file.restart()
            throw ConnectionLost("the host has not so many bytes of blob \(blob.sha256)")
        }
        guard file.count == blob.bytes else {
            throw ConnectionLost("the transfer of blob \(blob.sha256) ended after \(file.count) of \(blob.bytes) bytes")
        }
    }

    private static func digest(of file: URL) throws -> String {
        let handle = try FileHandle(forReadingFrom: file)
        defer { try? handle.close() }
        var digest = SHA256Digest()
        while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
            piece.withUnsafeBytes { digest.update(buffer: $0) }
        }
        return digest.finished()
    }
}

/// A file that grows at its end. The transport's thread writes while the download waits: never both at once.
private final class GrowingFile: @unchecked Sendable {
    private let handle: FileHandle
    private let limit: Int
    private(set) var count: Int
    private var begun = false

    init(_ url: URL, limit: Int) throws {
        if !FileManager.default.fileExists(atPath: url.path) {
            try Data().write(to: url)
        }
        handle = try FileHandle(forUpdating: url)
        self.limit = limit
        count = Int(try handle.seekToEnd())
        if count > limit { try restart() }
    }

    /// `continuing`: the answer begins where the file ends; otherwise it begins at the blob's first byte.
    func take(_ data: Data, continuing: Bool) throws {
        if !begun, !continuing { try restart() }
        begun = true
        guard count + data.count <= limit else {
            try restart()
            throw WireError("the host sent more than the \(limit) bytes of a blob")
        }
        try handle.write(contentsOf: data)
        count += data.count
    }

    func restart() throws {
        try handle.truncate(atOffset: 0)
        count = 0
    }

    func close() { try? handle.close() }
}
