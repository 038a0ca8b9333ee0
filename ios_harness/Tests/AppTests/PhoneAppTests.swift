#if os(Linux)
    import BenchmarkRecords
    import Foundation
    import Support
    import Testing

    @testable import HarnessApp

    /// The app itself, on the stand-ins for SwiftUI, UIKit and Core ML, against a host over HTTP.
    @Suite("The app")
    @MainActor
    struct PhoneAppTests {
        private let folder: TemporaryFolder
        private let phone: Phone

        init() throws {
            folder = try TemporaryFolder()
            phone = Phone(documents: folder.file("Documents"), support: folder.file("Support"))
        }

        private var plan: MeasurementPlan {
            var plan = MeasurementPlan()
            plan.computeUnits = [.cpuOnly]
            (plan.rounds, plan.iterations, plan.warmUp, plan.coldLoads) = (1, 3, 0, 0)
            return plan
        }

        /// Until `holds`, for as long as a busy machine may take.
        private func wait(for holds: () -> Bool) async throws {
            for _ in 0..<1200 where !holds() { try await Task.sleep(nanoseconds: 25_000_000) }
            try #require(holds())
        }

        @Test("begins unpaired, and asks for the host's address and token")
        func fresh() {
            let words = ScreenText.ofNewApp
            #expect(words.prefix(3) == ["Now", "not paired", "Pair"])
            #expect(words.contains("Token"))
            #expect(words.suffix(2) == ["Finished", "Share all reports"])
            #expect(phone.screen.host == nil)
        }

        @Test("a link that is none is shown as the problem")
        func wrongLink() {
            phone.pair(link: "https://example.org")
            #expect(ScreenText.of(phone).contains { $0.contains("https://example.org") })
            #expect(!phone.isPairing)
        }

        @Test("makes the folders that people see, and keeps the screen on")
        func folders() async throws {
            phone.start()
            try await wait { FileManager.default.fileExists(atPath: phone.reports.path) }
            #expect(FileManager.default.fileExists(atPath: folder.file("Documents/jobs").path))
        }

        @Test("pairs, measures what the host has, shows the result and leaves it for sharing")
        func whole() async throws {
            let host = try SmallHost()
            defer { host.stop() }
            host.offer("job-1", ModelPackage(), plan: plan)
            phone.pair(host: host.url.absoluteString, token: SmallHost.token)
            try await wait { phone.screen.finished.count == 1 }
            let words = ScreenText.of(phone)
            #expect(words.contains(host.url.absoluteString))
            #expect(words.contains { $0.hasPrefix("job-1: measured, not valid:") })
            let report = phone.reports.appendingPathComponent("job-1/report.json")
            #expect(FileManager.default.fileExists(atPath: report.path))
            #expect(!phone.isPairing)
        }

        @Test("a host that refuses the token is shown as the problem, and the next code counts")
        func secondCode() async throws {
            let host = try SmallHost()
            defer { host.stop() }
            phone.pair(host: host.url.absoluteString, token: "AAAA-AAAA")
            try await wait { phone.screen.problem != nil }
            #expect(phone.screen.host == nil)
            phone.pair(host: host.url.absoluteString, token: SmallHost.token)
            try await wait { phone.screen.host != nil }
            #expect(host.pairings.count == 1)
        }

        @Test("a code shown while another pairing waits for its host takes its place")
        func overtaking() async throws {
            let (silent, host) = (try SmallHost(), try SmallHost())
            let address = silent.url.absoluteString
            silent.stop()
            defer { host.stop() }
            phone.pair(host: address, token: SmallHost.token)
            try await wait { phone.isPairing }
            phone.pair(host: host.url.absoluteString, token: SmallHost.token)
            try await wait { phone.screen.host != nil }
            #expect(phone.screen.host == host.url.absoluteString)
        }
    }
#endif
