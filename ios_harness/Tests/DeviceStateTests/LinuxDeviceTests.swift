#if os(Linux)
    import BenchmarkRecords
    import DeviceState
    import Foundation
    import Support
    import Testing

    @testable import DeviceStateLive

    /// A machine whose files in /proc and /sys the test writes.
    private func machine(_ files: [String: String]) throws -> (LinuxDevice, TemporaryFolder) {
        let folder = try TemporaryFolder()
        for (path, text) in files {
            let file = folder.file(path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data((text + "\n").utf8).write(to: file)
        }
        return (LinuxDevice(root: folder.url), folder)
    }

    private func zone(_ temperature: Int) -> [String: String] {
        let zone = "sys/class/thermal/thermal_zone0/"
        return [
            zone + "temp": "\(temperature)", zone + "trip_point_0_type": "active", zone + "trip_point_0_temp": "60000",
            zone + "trip_point_1_type": "passive", zone + "trip_point_1_temp": "80000",
            zone + "trip_point_2_type": "critical", zone + "trip_point_2_temp": "100000",
        ]
    }

    @Suite("A Linux machine as a device")
    struct LinuxDeviceTests {
        @Test("says that it is simulated, and what it is")
        func identity() {
            let identity = DeviceState.live.identity()
            #expect(identity.kind == .simulated)
            #expect(identity.system == "Linux")
            #expect(identity.processors == ProcessInfo.processInfo.processorCount)
            #expect(identity.memoryBytes > 1 << 20)
            #expect(!identity.hardware.isEmpty && identity.hardware != "unknown")
        }

        @Test("its version is the distribution's")
        func version() throws {
            let (device, folder) = try machine(["etc/os-release": "NAME=X\nVERSION_ID=\"12\"\nID=x"])
            #expect(device.identity.systemVersion == "12")
            withExtendedLifetime(folder) {}
        }

        @Test("reads its own memory")
        func footprint() {
            let condition = DeviceState.live.condition(7)
            #expect(condition.atNs == 7)
            #expect(condition.footprintBytes! > 1 << 20)
            #expect(condition.foreground)
        }

        @Test(
            "is as hot as the trip points that are reached",
            arguments: [(20000, ThermalState.nominal), (60000, .fair), (80000, .serious), (101000, .critical)])
        func thermal(temperature: Int, state: ThermalState) throws {
            let (device, folder) = try machine(zone(temperature))
            #expect(device.thermal == state)
            withExtendedLifetime(folder) {}
        }

        @Test("a machine that tells nothing is cool, without battery, and not watched")
        func silent() throws {
            let (device, folder) = try machine([:])
            #expect(
                device.condition(atNs: 0)
                    == ConditionSample(atNs: 0, thermal: .nominal, lowPower: false, foreground: true, debugger: false))
            withExtendedLifetime(folder) {}
        }

        @Test("a tracer is a debugger", arguments: [("0", false), ("123", true)])
        func debugger(tracer: String, attached: Bool) throws {
            let (device, folder) = try machine(["proc/self/status": "Name:\tx\nTracerPid:\t\(tracer)\nVmRSS:\t 2048 kB"]
            )
            #expect(device.debugger == attached)
            #expect(device.footprint == 2048 * 1024)
            withExtendedLifetime(folder) {}
        }

        @Test(
            "its battery is read",
            arguments: [
                ("Charging", BatteryState.charging), ("Full", .full), ("Discharging", .unplugged), ("?", .unknown),
            ])
        func battery(status: String, state: BatteryState) throws {
            let supply = "sys/class/power_supply/BAT0/"
            let (device, folder) = try machine([
                supply + "capacity": "42", supply + "status": status,
                "sys/firmware/acpi/platform_profile": "low-power",
            ])
            let condition = device.condition(atNs: 0)
            #expect(condition.batteryLevel == 0.42)
            #expect(condition.batteryState == state)
            #expect(condition.lowPower)
            withExtendedLifetime(folder) {}
        }
    }
#endif
