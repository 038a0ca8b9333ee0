#if os(Linux)
    // `mach_task_self_` is a variable to Swift, and never changes.
    @preconcurrency import AppleKernel
    import AppleFoundation
#else
    @preconcurrency import Darwin
#endif
import BenchmarkRecords
import DeviceState
import Foundation

extension DeviceState {
    /// A phone or a Mac, as its kernel and Foundation describe it.
    static func apple(_ platform: ApplePlatform) -> DeviceState {
        let device = AppleDevice(platform: platform)
        return DeviceState(
            identity: { device.identity }, app: { AppBuild.identity() }, condition: { device.condition(atNs: $0) })
    }
}

struct AppleDevice: Sendable {
    let platform: ApplePlatform

    var identity: DeviceIdentity {
        let process = ProcessInfo.processInfo
        let version = process.operatingSystemVersion
        return DeviceIdentity(
            kind: platform.kind, hardware: Self.kernelText(platform.hardwareKey) ?? "unknown",
            name: platform == .macOS ? process.hostName : Watched.shared.now.name, system: platform.system,
            systemVersion: "\(version.majorVersion).\(version.minorVersion).\(version.patchVersion)",
            build: Self.kernelText("kern.osversion") ?? "unknown", processors: process.processorCount,
            memoryBytes: Int(process.physicalMemory))
    }

    func condition(atNs: Int) -> ConditionSample {
        let watched = Watched.shared.now
        return ConditionSample(
            atNs: atNs, thermal: Self.thermal, lowPower: ProcessInfo.processInfo.isLowPowerModeEnabled,
            foreground: watched.foreground, debugger: Self.debugger, footprintBytes: Self.footprint,
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

    /// Nil where the kernel knows nothing under `key`.
    static func kernelText(_ key: String) -> String? {
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
