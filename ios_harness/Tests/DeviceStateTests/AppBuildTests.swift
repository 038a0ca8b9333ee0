import BenchmarkRecords
import Testing

@testable import DeviceStateLive

@Suite("App identity")
struct AppBuildTests {
    @Test("comes from Info.plist where there is one")
    func infoPlist() {
        let identity = AppBuild.identity(
            info: ["CFBundleShortVersionString": "2.3", "MobileDeployCommit": "abc"],
            environment: ["MOBILEDEPLOY_COMMIT": "def"])
        #expect(identity.version == "2.3")
        #expect(identity.commit == "abc")
    }

    @Test("of a command-line build comes from the environment")
    func environment() {
        let identity = AppBuild.identity(info: ["MobileDeployCommit": ""], environment: ["MOBILEDEPLOY_COMMIT": "def"])
        #expect(identity.version == AppBuild.version)
        #expect(identity.commit == "def")
        #expect(AppBuild.identity(info: [:], environment: [:]).commit == "unknown")
    }

    @Test("knows a debug build")
    func configuration() {
        #if DEBUG
            #expect(AppBuild.identity().configuration == .debug)
        #else
            #expect(AppBuild.identity().configuration == .release)
        #endif
    }
}
