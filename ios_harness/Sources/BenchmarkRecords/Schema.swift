/// The name and version of a record that travels alone, written `mobiledeploy.NAME/VERSION`.
public struct Schema: Equatable, Sendable, CustomStringConvertible {
    public let name: String
    public let version: Int

    public init(_ name: String, _ version: Int) {
        self.name = "mobiledeploy." + name
        self.version = version
    }

    public var description: String { "\(name)/\(version)" }

    /// Nil where a document with the schema `found` can be read as this one; else the sentence that says why not.
    func refusal(of found: String) -> String? {
        let parts = found.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == name, parts[1].allSatisfy(\.isASCIIDigit), let version = Int(parts[1])
        else { return "schema is \(found); expected \(self)" }
        return version > self.version ? "schema \(found) is newer than \(self)" : nil
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

/// A record of the wire. Field names are in snake case; see docs/protocol.md and mobiledeploy/records.
public protocol WireRecord: Codable, Equatable, Sendable {
    /// Nil for a record that only travels inside another.
    static var schema: Schema? { get }
}

extension WireRecord {
    public static var schema: Schema? { nil }
}
