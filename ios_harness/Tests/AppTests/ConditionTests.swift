#if os(Linux)
    import Foundation
    import Testing

    private let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A stretch of a source file that is compiled under a condition.
    private struct Branch {
        let place: String
        let condition: String
        var lines = 0
    }

    /// Every branch of every `#if` of a file. An `#else` counts as the condition's contrary.
    private func branches(of file: String) throws -> [Branch] {
        let text = try String(contentsOf: root.appendingPathComponent(file), encoding: .utf8)
        var (open, closed): ([Branch], [Branch]) = ([], [])
        for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("#if ") {
                open.append(Branch(place: file, condition: String(line.dropFirst(4))))
            } else if line.hasPrefix("#else") {
                let last = open.removeLast()
                closed.append(last)
                let condition = line.hasPrefix("#elseif ") ? String(line.dropFirst(8)) : "else of \(last.condition)"
                open.append(Branch(place: file, condition: condition))
            } else if line.hasPrefix("#endif") {
                closed.append(open.removeLast())
            } else if !line.isEmpty, !line.hasPrefix("//") {
                for index in open.indices { open[index].lines += 1 }
            }
        }
        return closed
    }

    @Suite("Conditions in the sources")
    struct ConditionTests {
        /// What Linux compiles too, and what only Apple's systems do: how many lines of it there may be in one place.
        private let most = [
            "os(Linux)": Int.max, "canImport(UIKit)": .max, "canImport(FoundationNetworking)": .max, "DEBUG": 1,
            "else of DEBUG": 1, "else of os(Linux)": 2, "targetEnvironment(simulator)": 1, "os(macOS)": 1,
            "else of os(macOS)": 1,
        ]

        @Test("leave two lines at a time to Apple's compilers: the rest is Linux's too", arguments: ["Sources", "App"])
        func conditions(folder: String) throws {
            let walk = try #require(FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path))
            let files = walk.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }
            #expect(files.count >= 3)
            for branch in try files.flatMap({ try branches(of: "\(folder)/\($0)") }) {
                let limit = try #require(most[branch.condition], "\(branch.place): #if \(branch.condition)")
                #expect(branch.lines <= limit, "\(branch.place): #if \(branch.condition)")
            }
        }
    }
#endif
