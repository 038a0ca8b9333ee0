// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "ios_harness",
    platforms: [.iOS(.v16), .macOS(.v13)],
    targets: [
        .target(name: "BenchmarkRecords"),
        .testTarget(name: "BenchmarkRecordsTests", dependencies: ["BenchmarkRecords"]),
    ]
)
