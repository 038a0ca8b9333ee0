import BenchmarkRecords

extension DeviceIdentity {
    public static let example = DeviceIdentity(
        kind: .phone, hardware: "iPhone13,2", name: "p", system: "iOS", systemVersion: "18.1.0", build: "22B83",
        processors: 6, memoryBytes: 4 << 30)
}

extension AppIdentity {
    public static let example = AppIdentity(version: "0.1.0", commit: "abc", configuration: .release)
}

extension Lease {
    public static let example = Lease(
        id: "lease-1",
        job: Job(id: "job-1", package: PackageContent(name: "m.mlpackage", files: []), samples: []), attempt: 1)
}
