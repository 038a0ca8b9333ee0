import DeviceState

extension DeviceState {
    /// The device that this runs on. On iOS `WatchedByUIKit.shared.begin()` must have been called on the main actor
    /// before: it brings what only UIKit knows.
    #if os(Linux)
        public static let live = DeviceState.linux
    #else
        public static let live = DeviceState.apple(.current)
    #endif
}
