import BenchmarkRecords

/// Which of Apple's systems this is: each has its own words for itself.
enum ApplePlatform: Sendable, CaseIterable {
    case iOS, simulator, macOS

    static var current: ApplePlatform {
        #if targetEnvironment(simulator)
            .simulator
        #elseif os(macOS)
            .macOS
        #else
            .iOS
        #endif
    }

    var kind: DeviceKind {
        switch self {
        case .iOS: .phone
        case .simulator: .simulator
        case .macOS: .mac
        }
    }

    /// The name of the system.
    var system: String { self == .macOS ? "macOS" : "iOS" }

    /// What the kernel keeps the model's name under.
    var hardwareKey: String { self == .macOS ? "hw.model" : "hw.machine" }
}
