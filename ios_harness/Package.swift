// swift-tools-version: 6.0
import PackageDescription

#if os(Linux)
    // Modules with the declarations of Apple's, so that the code that needs them is compiled and run here.
    let shims: [Target] = [
        .target(name: "AppleFoundation", path: "Shims/AppleFoundation"),
        .target(name: "AppleKernel", path: "Shims/AppleKernel"),
        .target(name: "CoreVideo", path: "Shims/CoreVideo"),
        .target(name: "CoreML", dependencies: ["CoreVideo"], path: "Shims/CoreML"),
        .target(name: "UIKit", path: "Shims/UIKit"),
        .target(name: "Combine", path: "Shims/Combine"),
        .target(name: "SwiftUI", dependencies: ["Combine", "UIKit"], path: "Shims/SwiftUI"),
    ]
    /// The app, compiled against them. On a Mac it is built by the project.
    let app: [Target] = [
        .executableTarget(
            name: "HarnessApp",
            dependencies: [
                "BenchmarkRecords", "Combine", "DeviceState", "DeviceStateLive", "HarnessFeature", "HostClient",
                "HostClientLive", "ModelRunner", "ModelRunnerCoreML", "SwiftUI", "UIKit",
            ], path: "App")
    ]
    let appTested: [Target.Dependency] = ["BenchmarkRecords", "HarnessApp", "Support", "SwiftUI"]
    let coreML: [Target.Dependency] = ["CoreML", "CoreVideo"]
    let system: [Target.Dependency] = ["AppleFoundation", "AppleKernel"]
    let uiKit: [Target.Dependency] = ["UIKit"]
#else
    let shims: [Target] = []
    let app: [Target] = []
    let appTested: [Target.Dependency] = []
    let coreML: [Target.Dependency] = []
    let system: [Target.Dependency] = []
    let uiKit: [Target.Dependency] = []
#endif

let package = Package(
    name: "ios_harness",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [
        .library(
            name: "Harness",
            targets: [
                "BenchmarkRecords", "DeviceState", "DeviceStateLive", "HarnessFeature", "HostClient", "HostClientLive",
                "LatencyCore", "ModelRunner", "ModelRunnerCoreML",
            ]),
        .executable(name: "harness-cli", targets: ["harness-cli"]),
    ],
    targets: shims + app + [
        .target(name: "BenchmarkRecords"),
        .target(name: "LatencyCore", dependencies: ["BenchmarkRecords"] + system),
        .target(name: "ModelRunner", dependencies: ["BenchmarkRecords"]),
        .target(name: "ModelRunnerCoreML", dependencies: ["BenchmarkRecords", "ModelRunner"] + coreML),
        .target(name: "DeviceState", dependencies: ["BenchmarkRecords"]),
        .target(name: "DeviceStateLive", dependencies: ["BenchmarkRecords", "DeviceState"] + system + uiKit),
        .target(name: "HostClient", dependencies: ["BenchmarkRecords"]),
        .target(name: "HostClientLive", dependencies: ["BenchmarkRecords", "HostClient"]),
        .target(
            name: "HarnessFeature",
            dependencies: ["BenchmarkRecords", "DeviceState", "HostClient", "LatencyCore", "ModelRunner"]),
        .target(
            name: "HarnessCommands",
            dependencies: [
                "BenchmarkRecords", "DeviceState", "DeviceStateLive", "HarnessFeature", "HostClient", "HostClientLive",
                "LatencyCore", "ModelRunner", "ModelRunnerCoreML",
            ] + coreML),
        .executableTarget(name: "harness-cli", dependencies: ["HarnessCommands"]),
        .target(name: "CountedAllocation", path: "Benchmarks/CountedAllocation"),
        .executableTarget(
            name: "sampler-cost", dependencies: ["CountedAllocation", "LatencyCore"], path: "Benchmarks/SamplerCost"),
        .target(name: "Support", dependencies: ["BenchmarkRecords"], path: "Tests/Support"),
        .testTarget(name: "AppTests", dependencies: appTested),
        .testTarget(name: "BenchmarkRecordsTests", dependencies: ["BenchmarkRecords"]),
        .testTarget(
            name: "LatencyCoreTests", dependencies: ["BenchmarkRecords", "CountedAllocation", "LatencyCore"]),
        .testTarget(
            name: "ModelRunnerTests",
            dependencies: ["BenchmarkRecords", "ModelRunner", "ModelRunnerCoreML", "Support"] + coreML),
        .testTarget(
            name: "DeviceStateTests",
            dependencies: ["BenchmarkRecords", "DeviceState", "DeviceStateLive", "Support"] + system + uiKit),
        .testTarget(
            name: "HostClientTests", dependencies: ["BenchmarkRecords", "HostClient", "HostClientLive", "Support"]),
        .testTarget(
            name: "HarnessFeatureTests",
            dependencies: [
                "BenchmarkRecords", "DeviceState", "HarnessFeature", "HostClient", "LatencyCore", "ModelRunner",
                "Support",
            ]),
        .testTarget(
            name: "HarnessCommandsTests",
            dependencies: [
                "BenchmarkRecords", "DeviceState", "HarnessCommands", "HarnessFeature", "HostClient", "ModelRunner",
                "Support", "harness-cli",
            ]),
    ]
)
