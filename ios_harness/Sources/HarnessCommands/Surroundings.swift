import BenchmarkRecords
import DeviceState
import DeviceStateLive
import Foundation
import HarnessFeature
import ModelRunner
import ModelRunnerCoreML

extension HarnessCommand {
    /// This machine with Core ML: Apple's on a Mac, its stand-in on Linux.
    func surroundings(_ arguments: Arguments) throws -> HarnessEnvironment {
        let state = arguments["state"] ?? environment["MOBILEDEPLOY_STATE"] ?? Self.usualState
        var device = DeviceState.live
        let identity = device.identity
        let (name, hardware) = (arguments["name"], arguments["hardware"])
        device.identity = {
            var own = identity()
            own.name = name ?? own.name
            own.hardware = hardware ?? own.hardware
            return own
        }
        if let simulation = arguments["simulation"] {
            guard FileManager.default.isReadableFile(atPath: simulation) else {
                throw UsageError("--simulation: \(simulation) cannot be read")
            }
            setenv("MOBILEDEPLOY_SIMULATION", simulation, 1)
        }
        return HarnessEnvironment(
            runner: .coreML, device: device, workspace: Workspace(URL(fileURLWithPath: state, isDirectory: true)))
    }

    private static var usualState: String {
        FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".mobiledeploy-harness").path
    }
}
