#if os(Linux)
    import Foundation
    import UIKit

    /// A phone whose owner, battery and screen the test plays, through the stand-in for UIKit.
    ///
    /// In a file without Testing: beside a module of the name UIKit the compiler would look for Testing's part for it.
    @MainActor
    enum PlayedPhone {
        enum Battery: CaseIterable { case unknown, unplugged, charging, full }

        static func name(_ name: String) { UIDevice.current.name = name }

        static func charge(to level: Float) async {
            UIDevice.current.batteryLevel = level
            await tell(UIDevice.batteryLevelDidChangeNotification)
        }

        static func turn(_ battery: Battery) async {
            let states: [Battery: UIDevice.BatteryState] = [
                .unplugged: .unplugged, .charging: .charging, .full: .full,
            ]
            UIDevice.current.batteryState = states[battery] ?? .unknown
            await tell(UIDevice.batteryStateDidChangeNotification)
        }

        /// The application says that it is active until after this was sent.
        static func resignActive() async { await tell(UIApplication.willResignActiveNotification) }

        static func enterBackground() async {
            UIApplication.shared.applicationState = .background
            await tell(UIApplication.didEnterBackgroundNotification)
        }

        static func becomeActive() async {
            UIApplication.shared.applicationState = .active
            await tell(UIApplication.didBecomeActiveNotification)
        }

        /// From elsewhere: open Foundation waits for observers on the main queue, and would wait for itself here.
        private static func tell(_ name: NSNotification.Name) async {
            await Task.detached { NotificationCenter.default.post(name: name, object: nil) }.value
        }
    }
#endif
