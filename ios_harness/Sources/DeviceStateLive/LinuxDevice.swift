#if os(Linux)
    import BenchmarkRecords
    import DeviceState
    import Foundation

    extension DeviceState {
        /// What Linux tells: this machine pretends to be a phone, and says so.
        static let linux = DeviceState(
            identity: { LinuxDevice().identity }, app: { AppBuild.identity() },
            condition: { LinuxDevice().condition(atNs: $0) })
    }

    /// Reads /proc and /sys below `root`.
    struct LinuxDevice {
        var root = URL(fileURLWithPath: "/")

        var identity: DeviceIdentity {
            var system = utsname()
            uname(&system)
            let release = line("etc/os-release") { $0.hasPrefix("VERSION_ID=") }?.dropFirst(11)
            return DeviceIdentity(
                kind: .simulated, hardware: Self.text(system.machine), name: ProcessInfo.processInfo.hostName,
                system: "Linux", systemVersion: release?.trimmingCharacters(in: ["\""]) ?? "unknown",
                build: Self.text(system.release), processors: ProcessInfo.processInfo.processorCount,
                memoryBytes: Int(ProcessInfo.processInfo.physicalMemory))
        }

        /// A program without a window counts as in the foreground.
        func condition(atNs: Int) -> ConditionSample {
            let battery = self.battery
            return ConditionSample(
                atNs: atNs, thermal: thermal, lowPower: text("sys/firmware/acpi/platform_profile") == "low-power",
                foreground: true, debugger: debugger, footprintBytes: footprint, batteryLevel: battery?.level,
                batteryState: battery?.state ?? .unknown)
        }

        /// By the trip points of the kernel's thermal zones: `serious` where a passive one is reached, which is where
        /// the kernel begins to slow the processor down, `critical` where a hot or critical one is.
        var thermal: ThermalState {
            folders("sys/class/thermal", prefix: "thermal_zone").map(state).max() ?? .nominal
        }

        private func state(ofZone zone: String) -> ThermalState {
            guard let temperature = text(zone + "/temp").flatMap({ Int($0) }) else { return .nominal }
            var state = ThermalState.nominal
            for index in 0..<12 {
                guard let type = text("\(zone)/trip_point_\(index)_type"),
                    let limit = text("\(zone)/trip_point_\(index)_temp").flatMap({ Int($0) })
                else { break }
                if limit > 0, temperature >= limit { state = max(state, Self.tripStates[type] ?? .nominal) }
            }
            return state
        }

        private static let tripStates: [String: ThermalState] = [
            "active": .fair, "passive": .serious, "hot": .critical, "critical": .critical,
        ]

        /// Another process traces this one.
        var debugger: Bool {
            let tracer = line("proc/self/status") { $0.hasPrefix("TracerPid:") }?.dropFirst(10)
            return tracer.map { $0.trimmingCharacters(in: .whitespaces) != "0" } ?? false
        }

        /// Resident memory.
        var footprint: Int? {
            let resident = line("proc/self/status") { $0.hasPrefix("VmRSS:") }
            return resident?.split(separator: " ").compactMap { Int($0) }.first.map { $0 * 1024 }
        }

        var battery: (level: Double, state: BatteryState)? {
            for supply in folders("sys/class/power_supply", prefix: "BAT") {
                guard let percent = text(supply + "/capacity").flatMap({ Double($0) }) else { continue }
                let states: [String: BatteryState] = [
                    "Charging": .charging, "Full": .full, "Discharging": .unplugged, "Not charging": .charging,
                ]
                return (percent / 100, text(supply + "/status").flatMap { states[$0] } ?? .unknown)
            }
            return nil
        }

        private func folders(_ path: String, prefix: String) -> [String] {
            let names = try? FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(path).path)
            return (names ?? []).filter { $0.hasPrefix(prefix) }.sorted().map { path + "/" + $0 }
        }

        private func text(_ path: String) -> String? {
            guard let handle = FileHandle(forReadingAtPath: root.appendingPathComponent(path).path) else { return nil }
            defer { try? handle.close() }
            // The kernel's files say that they are empty: they must be read to their end.
            return (try? handle.readToEnd()).map {
                String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            }
        }

        private func line(_ path: String, where fits: (Substring) -> Bool) -> Substring? {
            text(path)?.split(separator: "\n").first(where: fits)
        }

        private static func text<Tuple>(_ tuple: Tuple) -> String {
            withUnsafeBytes(of: tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
    }
#endif
