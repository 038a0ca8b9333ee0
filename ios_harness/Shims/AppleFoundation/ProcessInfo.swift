import Foundation

// What Apple's Foundation has over the open one, as far as the harness uses it.

extension ProcessInfo {
    public enum ThermalState: Int, Sendable {
        case nominal = 0
        case fair = 1
        case serious = 2
        case critical = 3
    }

    public var thermalState: ThermalState { SimulatedPower.shared.state.thermal }
    public var isLowPowerModeEnabled: Bool { SimulatedPower.shared.state.lowPower }
}

/// Not Apple's: what ProcessInfo says of heat and power, for tests to set.
public final class SimulatedPower: @unchecked Sendable {
    public struct State: Sendable {
        public var thermal = ProcessInfo.ThermalState.nominal
        public var lowPower = false

        public init() {}
    }

    public static let shared = SimulatedPower()
    private let lock = NSLock()
    private var stored = State()

    public var state: State {
        get { lock.withLock { stored } }
        set { lock.withLock { stored = newValue } }
    }
}
