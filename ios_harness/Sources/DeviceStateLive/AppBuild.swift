import BenchmarkRecords
import Foundation

/// The app as it was built. Version and commit stand in Info.plist, where there is one (`MobileDeployCommit`, written
/// by the build); a command-line build takes the commit from the environment.
enum AppBuild {
    static let version = "0.1.0"

    static func identity(
        info: [String: Any] = Bundle.main.infoDictionary ?? [:],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> AppIdentity {
        let commit = (info["MobileDeployCommit"] as? String).flatMap { $0.isEmpty ? nil : $0 }
        return AppIdentity(
            version: info["CFBundleShortVersionString"] as? String ?? version,
            commit: commit ?? environment["MOBILEDEPLOY_COMMIT"] ?? "unknown",
            configuration: configuration, coreML: coreML)
    }

    private static var configuration: BuildConfiguration {
        #if DEBUG
            .debug
        #else
            .release
        #endif
    }

    /// Nil where Core ML is not loaded.
    private static var coreML: String? {
        Bundle(identifier: "com.apple.CoreML")?.infoDictionary?["CFBundleVersion"] as? String
    }
}
