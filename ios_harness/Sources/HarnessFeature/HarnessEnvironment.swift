import BenchmarkRecords
import DeviceState
import Foundation
import LatencyCore
import ModelRunner

/// Everything that a run needs from outside.
public struct HarnessEnvironment: Sendable {
    public var runner: ModelRunner
    public var device: DeviceState
    public var workspace: Workspace
    public var clock: any MonotonicClock
    public var date: @Sendable () -> Date
    public var newID: @Sendable () -> String
    public var sleep: @Sendable (_ seconds: Double) async throws -> Void

    public init(
        runner: ModelRunner, device: DeviceState, workspace: Workspace, clock: any MonotonicClock = SystemClock(),
        date: @escaping @Sendable () -> Date = { Date() },
        newID: @escaping @Sendable () -> String = { UUID().uuidString.lowercased() },
        sleep: @escaping @Sendable (Double) async throws -> Void = {
            try await Task.sleep(nanoseconds: UInt64($0 * 1e9))
        }
    ) {
        self.runner = runner
        self.device = device
        self.workspace = workspace
        self.clock = clock
        self.date = date
        self.newID = newID
        self.sleep = sleep
    }

    /// The device with what Core ML knows of it.
    public var identity: DeviceIdentity {
        var identity = device.identity()
        let devices = runner.devices()
        identity.computeDevices = devices.names
        identity.neuralEngineCores = devices.neuralEngineCores
        return identity
    }

    /// Waits as long as the app is not in front: while it still comes up, or where somebody has left it, nothing that
    /// is measured is valid.
    func untilInFront() async throws {
        while !device.condition(0).foreground { try await sleep(0.25) }
    }

    var utcNow: String {
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime]
        return formatter.string(from: date())
    }
}
