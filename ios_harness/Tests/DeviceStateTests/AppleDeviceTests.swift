#if os(Linux)
    import AppleFoundation
    import AppleKernel
    import BenchmarkRecords
    import DeviceState
    import Foundation
    import Testing

    @testable import DeviceStateLive

    /// What Apple's devices are asked, answered by the stand-ins for their kernel, Foundation and UIKit. One after
    /// another: the stand-ins are one for the whole process, as the kernel is.
    @Suite("A phone or a Mac as a device", .serialized)
    struct AppleDeviceTests {
        @Test(
            "each system has its kind, its name, and its key for the hardware",
            arguments: [
                (ApplePlatform.iOS, DeviceKind.phone, "iOS", "hw.machine"),
                (.simulator, .simulator, "iOS", "hw.machine"), (.macOS, .mac, "macOS", "hw.model"),
            ])
        func platforms(platform: ApplePlatform, kind: DeviceKind, system: String, key: String) {
            let identity = DeviceState.apple(platform).identity()
            #expect(identity.kind == kind)
            #expect(identity.system == system)
            #expect(identity.hardware == AppleDevice.kernelText(key))
            #expect(identity.processors == ProcessInfo.processInfo.processorCount)
            #expect(identity.memoryBytes == Int(ProcessInfo.processInfo.physicalMemory))
        }

        @Test("the kernel's texts come without their final zero, and not at all where it has none")
        func kernelText() {
            let file = FileManager.default.contents(atPath: "/proc/sys/kernel/osrelease")!
            let release = String(decoding: file, as: UTF8.self)
            #expect(AppleDevice.kernelText("kern.osversion") == release.trimmingCharacters(in: .newlines))
            #expect(AppleDevice.kernelText("hw.nothing") == nil)
            #expect(DeviceState.apple(.iOS).identity().build == AppleDevice.kernelText("kern.osversion"))
        }

        @Test(
            "heat is passed on level by level",
            arguments: [
                (ProcessInfo.ThermalState.nominal, ThermalState.nominal), (.fair, .fair), (.serious, .serious),
                (.critical, .critical),
            ])
        func thermal(asked: ProcessInfo.ThermalState, told: ThermalState) {
            SimulatedPower.shared.state.thermal = asked
            defer { SimulatedPower.shared.state = SimulatedPower.State() }
            #expect(DeviceState.apple(.iOS).condition(0).thermal == told)
        }

        @Test("low power mode is passed on", arguments: [true, false])
        func lowPower(on: Bool) {
            SimulatedPower.shared.state.lowPower = on
            defer { SimulatedPower.shared.state = SimulatedPower.State() }
            #expect(DeviceState.apple(.macOS).condition(0).lowPower == on)
        }

        @Test("a process that is traced has a debugger, other flags are no sign of one")
        func debugger() {
            defer { simulate_process_flags(0) }
            simulate_process_flags(~P_TRACED)
            #expect(!DeviceState.apple(.iOS).condition(0).debugger)
            simulate_process_flags(P_TRACED)
            #expect(DeviceState.apple(.iOS).condition(0).debugger)
        }

        @Test("memory is what the task holds, and nothing where the kernel does not tell")
        func footprint() throws {
            defer { simulate_task_info_result(KERN_SUCCESS) }
            let held = [UInt8](repeating: 1, count: 64 << 20)
            let told = try #require(DeviceState.apple(.iOS).condition(3).footprintBytes)
            let resident = try #require(LinuxDevice().footprint)
            #expect(told >= held.count)
            // Other tests take and give memory meanwhile; what is only reserved is many times as much.
            #expect((resident / 2)...(resident * 2) ~= told)
            simulate_task_info_result(KERN_INVALID_ARGUMENT)
            let without = DeviceState.apple(.iOS).condition(3)
            #expect(without.footprintBytes == nil)
            #expect(without.atNs == 3)
        }

        @Test("what UIKit knows is followed: name, battery, and whether the app is active")
        @MainActor
        func watched() async {
            func now() -> ConditionSample { DeviceState.apple(.iOS).condition(0) }
            PlayedPhone.name("Anna's iPhone")
            WatchedByUIKit.shared.begin()
            WatchedByUIKit.shared.begin()
            await PlayedPhone.becomeActive()
            #expect(DeviceState.apple(.iOS).identity().name == "Anna's iPhone")
            #expect(DeviceState.apple(.macOS).identity().name == ProcessInfo.processInfo.hostName)
            #expect(now().foreground)
            #expect(now().batteryLevel == nil)

            await PlayedPhone.charge(to: 0.75)
            #expect(now().batteryLevel == 0.75)
            await PlayedPhone.resignActive()
            #expect(!now().foreground)
            await PlayedPhone.becomeActive()
            #expect(now().foreground)
            await PlayedPhone.enterBackground()
            #expect(!now().foreground)
            await PlayedPhone.becomeActive()
            #expect(now().foreground)
            for (battery, told) in zip(PlayedPhone.Battery.allCases, BatteryState.allCases) {
                await PlayedPhone.turn(battery)
                #expect(now().batteryState == told)
            }
        }
    }
#endif
