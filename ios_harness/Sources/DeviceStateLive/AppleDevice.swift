#if canImport(Darwin)
    import BenchmarkRecords
    // `mach_task_self_` is a variable to Swift, and never changes.
    @preconcurrency import Darwin
    import DeviceState
    import Foundation

    extension DeviceState {
        /// This phone or Mac. On iOS `WatchedByUIKit.shared.begin()` must have been called on the main actor before: it
        /// brings what only UIKit knows.
        public static let live = DeviceState(
            identity: { AppleDevice.identity }, app: { AppBuild.identity() },
            condition: { AppleDevice.condition(atNs: $0) })
    }

    enum AppleDevice {
        static var identity: DeviceIdentity {
            let process = ProcessInfo.processInfo
            let version = process.operatingSystemVersion
            return DeviceIdentity(
                kind: kind, hardware: kernelText(hardwareKey) ?? "unknown", name: name, system: system,
                systemVersion: "\(version.majorVersion).\(version.minorVersion).\(version.patchVersion)",
                build: kernelText("kern.osversion") ?? "unknown", processors: process.processorCount,
                memoryBytes: Int(process.physicalMemory))
        }

        static func condition(atNs: Int) -> ConditionSample {
            let watched = Watched.shared.now
            return ConditionSample(
                atNs: atNs, thermal: thermal, lowPower: ProcessInfo.processInfo.isLowPowerModeEnabled,
                foreground: watched.foreground, debugger: debugger, footprintBytes: footprint,
                batteryLevel: watched.batteryLevel, batteryState: watched.batteryState)
        }

        private static var thermal: ThermalState {
            switch ProcessInfo.processInfo.thermalState {
            case .nominal: .nominal
            case .fair: .fair
            case .serious: .serious
            case .critical: .critical
            @unknown default: .critical
            }
        }

        private static var kind: DeviceKind {
            #if targetEnvironment(simulator)
                .simulator
            #elseif os(macOS)
                .mac
            #else
                .phone
            #endif
        }

        #if os(macOS)
            private static let hardwareKey = "hw.model"
            private static let system = "macOS"
            private static var name: String { ProcessInfo.processInfo.hostName }
        #else
            private static let hardwareKey = "hw.machine"
            private static let system = "iOS"
            private static var name: String { Watched.shared.now.name }
        #endif

        private static func kernelText(_ key: String) -> String? {
            var size = 0
            guard sysctlbyname(key, nil, &size, nil, 0) == 0, size > 0 else { return nil }
            var bytes = [UInt8](repeating: 0, count: size)
            guard sysctlbyname(key, &bytes, &size, nil, 0) == 0 else { return nil }
            return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }

        /// Technical Q&A QA1361.
        private static var debugger: Bool {
            var name = [CTL_KERN, KERN_PROC, KERN_PROC_PID, getpid()]
            var info = kinfo_proc()
            var size = MemoryLayout<kinfo_proc>.stride
            guard sysctl(&name, UInt32(name.count), &info, &size, nil, 0) == 0 else { return false }
            return info.kp_proc.p_flag & P_TRACED != 0
        }

        /// What iOS counts against the app's limit.
        private static var footprint: Int? {
            var info = task_vm_info_data_t()
            var count = mach_msg_type_number_t(MemoryLayout<task_vm_info_data_t>.size / MemoryLayout<integer_t>.size)
            let status = withUnsafeMutablePointer(to: &info) { pointer in
                pointer.withMemoryRebound(to: integer_t.self, capacity: Int(count)) {
                    task_info(mach_task_self_, task_flavor_t(TASK_VM_INFO), $0, &count)
                }
            }
            return status == KERN_SUCCESS ? Int(info.phys_footprint) : nil
        }
    }

    /// What must be asked on the main actor, kept for whoever asks elsewhere.
    final class Watched: @unchecked Sendable {
        struct State {
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
#endif
