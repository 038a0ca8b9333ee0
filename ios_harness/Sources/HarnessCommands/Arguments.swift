/// What cannot be understood of a command line. Ends the program with status 2.
struct UsageError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A command's words and its options, `--name value`.
struct Arguments {
    private(set) var words: [String] = []
    private var options: [String: String] = [:]

    /// Throws `UsageError` on an option that is not `known`, comes twice or has no value.
    init(_ arguments: [String], known: Set<String>) throws {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else {
                words.append(argument)
                continue
            }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1).map(String.init)
            let name = parts.first ?? ""
            guard known.contains(name) else { throw UsageError("there is no option --\(name)") }
            guard options[name] == nil else { throw UsageError("--\(name) was given twice") }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                throw UsageError("--\(name) needs a value")
            }
            options[name] = value
        }
    }

    subscript(name: String) -> String? { options[name] }

    /// A whole number from 0 on, nil where the option was not given.
    func number(_ name: String) throws -> Int? {
        guard let text = options[name] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw UsageError("--\(name) needs a whole number, not `\(text)`")
        }
        return number
    }
}
