import BenchmarkRecords
import Foundation
import HarnessFeature
import HostClient
import ModelRunner

/// `harness-cli`: the phone's side of mobiledeploy without the phone.
public struct HarnessCommand: Sendable {
    static let usage = """
        harness-cli COMMAND

          pair LINK | --host URL --token TOKEN [--state DIR]
              pairs this device with the host whose QR code holds LINK
          run [--host URL --token TOKEN] [--state DIR] [--name NAME] [--jobs N] [--until-idle SECONDS]
              takes jobs from the paired host and measures them (on a Mac)
          simulate [as run] [--hardware NAME] [--simulation FILE]
              the same as a simulated phone (on Linux)
          measure JOBFOLDER REPORTFOLDER | MODEL.mlpackage [REPORTFOLDER] [--compute-units all,cpuOnly]
                  [--rounds N] [--iterations N] [--warm-up N] [--state DIR]
              measures here, without a host
        """

    /// Lines for people, as they come: progress and errors.
    let tell: @Sendable (String) -> Void
    /// What was asked for.
    let answer: @Sendable (String) -> Void
    let environment: [String: String]

    public init(
        tell: @escaping @Sendable (String) -> Void = { FileHandle.standardError.write(Data(($0 + "\n").utf8)) },
        answer: @escaping @Sendable (String) -> Void = { print($0) },
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.tell = tell
        self.answer = answer
        self.environment = environment
    }

    /// Returns the exit status: 0 done, 1 our bug, 2 usage, 5 host, device or network, 130 interrupted.
    public func run(_ arguments: [String]) async -> Int32 {
        do {
            switch arguments.first {
            case "pair": try await pair(Array(arguments.dropFirst()))
            case "run": try await work(Array(arguments.dropFirst()), simulated: false)
            case "simulate": try await work(Array(arguments.dropFirst()), simulated: true)
            case "measure": try await measure(Array(arguments.dropFirst()))
            case "help", "--help", "-h", nil: answer(Self.usage)
            case let command?: throw UsageError("there is no command `\(command)`")
            }
            return 0
        } catch {
            return report(error)
        }
    }

    private func report(_ error: any Error) -> Int32 {
        switch error {
        case is CancellationError:
            tell("interrupted")
            return 130
        case let error as UsageError:
            tell("harness-cli: \(error)\n\n\(Self.usage)")
            return 2
        case is Refused, is ConnectionLost, is WireError, is RunnerError, is CocoaError:
            tell("harness-cli: \(error is CocoaError ? error.localizedDescription : "\(error)")")
            return 5
        default:
            tell("harness-cli: \(error.localizedDescription) (\(error))")
            return 1
        }
    }
}
