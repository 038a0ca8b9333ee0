import BenchmarkRecords
import Foundation

/// What must be asked on the main actor, kept for whoever asks elsewhere.
final class Watched: @unchecked Sendable {
    struct State: Equatable {
        var name = "unknown"
        var foreground = true
        var batteryLevel: Double?
        var batteryState = BatteryState.unknown
    }

    static let shared = Watched()
    private let lock = NSLock()
    private var state = State()

    var now: State { lock.withLock { state } }

    func update(_ change: (inout State) -> Void) { lock.withLock { change(&state) } }
}
