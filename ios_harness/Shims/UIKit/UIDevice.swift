import Foundation

// The part of UIKit that the harness uses, as Apple documents it. What a device says can be set: Apple's are read-only.

@MainActor
open class UIDevice: NSObject {
    public enum BatteryState: Int, Sendable {
        case unknown = 0
        case unplugged = 1
        case charging = 2
        case full = 3
    }

    public class var current: UIDevice { device }
    private static let device = UIDevice()

    public var name = "iPhone"
    public var isBatteryMonitoringEnabled = false
    /// 0 to 1; -1 while the battery is not monitored.
    public var batteryLevel: Float {
        get { isBatteryMonitoringEnabled ? simulatedLevel : -1 }
        set { simulatedLevel = newValue }
    }
    public var batteryState: BatteryState {
        get { isBatteryMonitoringEnabled ? simulatedState : .unknown }
        set { simulatedState = newValue }
    }
    private var simulatedLevel: Float = -1
    private var simulatedState = BatteryState.unknown

    nonisolated public class var batteryLevelDidChangeNotification: NSNotification.Name {
        NSNotification.Name("UIDeviceBatteryLevelDidChangeNotification")
    }
    nonisolated public class var batteryStateDidChangeNotification: NSNotification.Name {
        NSNotification.Name("UIDeviceBatteryStateDidChangeNotification")
    }
}
