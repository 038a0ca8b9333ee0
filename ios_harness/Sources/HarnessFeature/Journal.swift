import BenchmarkRecords
import Foundation

/// A run's events, one line of JSON each, appended as they happen: what the kernel has taken outlives the process.
public final class Journal: @unchecked Sendable {
    private let handle: FileHandle
    private let lock = NSLock()

    public init(_ file: URL) throws {
        if !FileManager.default.fileExists(atPath: file.path) { try Data().write(to: file) }
        handle = try FileHandle(forWritingTo: file)
        try handle.seekToEnd()
    }

    deinit { try? handle.close() }

    public func append(_ event: RunEvent) throws {
        let line = try WireDocument.encode(event) + Data([0x0A])
        try lock.withLock { try handle.write(contentsOf: line) }
    }

    /// Every whole line, up to the first that is none: the process may have died while it wrote the last.
    public static func read(_ file: URL) throws -> [RunEvent] {
        var events: [RunEvent] = []
        for line in try Data(contentsOf: file).split(separator: 0x0A) {
            guard let event = try? WireDocument.decode(RunEvent.self, from: Data(line)) else { break }
            events.append(event)
        }
        return events
    }
}
