import BenchmarkRecords
import Foundation
import HarnessFeature
import HostClient
import HostClientLive

extension HarnessCommand {
    func pair(_ words: [String]) async throws {
        let arguments = try Arguments(words, known: ["host", "token", "state", "name", "hardware"])
        let link: PairingLink
        switch arguments.words.count {
        case 1: link = try PairingLink(arguments.words[0])
        case 0:
            guard let given = try givenLink(arguments) else {
                throw UsageError("pair needs a link, or --host and --token")
            }
            link = given
        default: throw UsageError("pair takes one link")
        }
        try await pair(link, surroundings(arguments))
    }

    /// Of `--host` and `--token`; nil where neither was given.
    func givenLink(_ arguments: Arguments) throws -> PairingLink? {
        switch (arguments["host"], arguments["token"]) {
        case (let host?, let token?): return try PairingLink(host: host, token: token)
        case (nil, nil): return nil
        default: throw UsageError("--host and --token go together")
        }
    }

    @discardableResult
    func pair(_ link: PairingLink, _ surroundings: HarnessEnvironment) async throws -> PairedHost {
        let client = HostClient.speaking(over: .live(host: link.host), secret: nil)
        let paired = try await PairedHost.pair(link, client: client, environment: surroundings)
        tell("paired with \(paired.host.absoluteString) as \(paired.deviceID)")
        return paired
    }
}
