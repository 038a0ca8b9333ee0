import BenchmarkRecords

/// What can be asked of the device and of the app. Live: `DeviceState.live`; tests build their own of closures.
public struct DeviceState: Sendable {
    /// Without what only Core ML knows: `computeDevices` and `neuralEngineCores`.
    public var identity: @Sendable () -> DeviceIdentity
    public var app: @Sendable () -> AppIdentity
    /// The conditions now, stamped with `atNs`. Cheap: asked four times a second, from any thread.
    public var condition: @Sendable (_ atNs: Int) -> ConditionSample

    public init(
        identity: @escaping @Sendable () -> DeviceIdentity, app: @escaping @Sendable () -> AppIdentity,
        condition: @escaping @Sendable (Int) -> ConditionSample
    ) {
        self.identity = identity
        self.app = app
        self.condition = condition
    }
}
