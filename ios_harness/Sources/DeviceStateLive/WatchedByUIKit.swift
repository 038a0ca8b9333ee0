#if canImport(UIKit)
    import BenchmarkRecords
    import Foundation
    import UIKit

    /// Follows what UIKit knows of the device: its name, its battery, and whether the app is active.
    @MainActor
    public final class WatchedByUIKit {
        public static let shared = WatchedByUIKit()
        private var observers: [any NSObjectProtocol] = []

        /// Once, at the start of the app. Calling it again changes nothing.
        public func begin() {
            guard observers.isEmpty else { return }
            UIDevice.current.isBatteryMonitoringEnabled = true
            let names = [
                UIDevice.batteryLevelDidChangeNotification, UIDevice.batteryStateDidChangeNotification,
                UIApplication.didBecomeActiveNotification, UIApplication.willResignActiveNotification,
                UIApplication.didEnterBackgroundNotification,
            ]
            for name in names {
                // The state of the application changes only after this one was sent.
                let resigned = name == UIApplication.willResignActiveNotification
                observers.append(
                    NotificationCenter.default.addObserver(forName: name, object: nil, queue: .main) { _ in
                        MainActor.assumeIsolated { Self.read(resigned: resigned) }
                    })
            }
            Self.read(resigned: false)
        }

        private static func read(resigned: Bool) {
            let device = UIDevice.current
            let active = UIApplication.shared.applicationState == .active && !resigned
            let level = device.batteryLevel
            let states: [UIDevice.BatteryState: BatteryState] = [
                .unplugged: .unplugged, .charging: .charging, .full: .full,
            ]
            let state = states[device.batteryState] ?? .unknown
            let name = device.name
            Watched.shared.update {
                $0.name = name
                $0.foreground = active
                $0.batteryLevel = level < 0 ? nil : Double(level)
                $0.batteryState = state
            }
        }
    }
#endif
