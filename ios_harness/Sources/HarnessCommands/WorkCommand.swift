import BenchmarkRecords
import Foundation
import HarnessFeature
import HostClient
import HostClientLive

extension HarnessCommand {
    func work(_ words: [String], simulated: Bool) async throws {
        try Self.refuseWrongSystem(simulated: simulated)
        let ofSimulated: Set<String> = simulated ? ["hardware", "simulation"] : []
        let arguments = try Arguments(
            words, known: ofSimulated.union(["host", "token", "state", "name", "jobs", "until-idle"]))
        guard arguments.words.isEmpty else { throw UsageError("`\(arguments.words[0])` is not understood") }
        let limits = Worker.Limits(jobs: try arguments.number("jobs"), idleSeconds: try arguments.number("until-idle"))
        let surroundings = try surroundings(arguments)
        let paired = try await pairedHost(arguments, surroundings)
        let worker = Worker(
            environment: surroundings,
            client: .speaking(over: .live(host: paired.host), secret: paired.secret),
            heartbeatSeconds: paired.heartbeatSeconds, limits: limits, update: Narrator(tell: tell).tell)
        try await worker.run()
    }

    private static func refuseWrongSystem(simulated: Bool) throws {
        #if os(Linux)
            if !simulated { throw UsageError("there is no Core ML on Linux: use simulate") }
        #else
            if simulated { throw UsageError("this machine has Core ML: use run") }
        #endif
    }

    /// The host that this device is paired with. A link is used only where it names another one: a token is for once.
    private func pairedHost(_ arguments: Arguments, _ surroundings: HarnessEnvironment) async throws -> PairedHost {
        let saved = PairedHost.saved(in: surroundings.workspace)
        if let link = try givenLink(arguments), saved?.host != link.host { return try await pair(link, surroundings) }
        guard let saved else { throw UsageError("not paired: give --host and --token") }
        return saved
    }
}

/// Puts what a worker does into sentences; says each phase once.
final class Narrator: @unchecked Sendable {
    private let out: @Sendable (String) -> Void
    private let lock = NSLock()
    private var last = ""

    init(tell: @escaping @Sendable (String) -> Void) { out = tell }

    @Sendable
    func tell(_ update: Worker.Update) {
        let line = "\(update)"
        let fresh = lock.withLock {
            defer { last = line }
            return line != last
        }
        if fresh { out(line) }
    }
}
