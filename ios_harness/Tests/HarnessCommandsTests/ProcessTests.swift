#if os(Linux)
    import BenchmarkRecords
    import Foundation
    import Support
    import Testing

    /// The built harness-cli, beside the tests.
    private func harness(_ arguments: [String]) throws -> Process {
        let process = Process()
        let folder = Bundle(for: TemporaryFolder.self).bundleURL
        let places = [folder, folder.deletingLastPathComponent()].map { $0.appendingPathComponent("harness-cli") }
        process.executableURL = places.first { FileManager.default.isExecutableFile(atPath: $0.path) }
        process.arguments = arguments
        process.standardError = Pipe()
        process.standardOutput = Pipe()
        return process
    }

    private func end(_ process: Process) async throws -> (status: Int32, reason: Process.TerminationReason) {
        try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = {
                continuation.resume(returning: ($0.terminationStatus, $0.terminationReason))
            }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
    }

    @Suite("harness-cli as a process")
    struct ProcessTests {
        private func arguments(_ host: SmallHost, _ state: TemporaryFolder, _ more: [String]) -> [String] {
            ["simulate", "--host", host.url.absoluteString, "--token", SmallHost.token, "--state", state.url.path]
                + more
        }

        @Test("killed while it loads a model, its next start reports model, unit and phase")
        func killed() async throws {
            let host = try SmallHost()
            defer { host.stop() }
            let state = try TemporaryFolder()
            let package = ModelPackage(simulation: #"{"kill": "load", "killUnits": "all"}"#)
            host.offer("a", package, plan: quickPlan())
            let first = try await end(try harness(arguments(host, state, ["--jobs", "1"])))
            #expect(first.reason == .uncaughtSignal)
            #expect(first.status == SIGKILL)
            #expect(try host.report("a") == nil)
            let second = try await end(try harness(arguments(host, state, ["--jobs", "0"])))
            #expect(second.status == 0)
            let report = try #require(try host.report("a"))
            #expect(
                report.failure
                    == Failure(
                        phase: .coldLoad, message: "the app was killed in phase coldLoad of model.mlpackage on all",
                        died: true))
            #expect(report.units[1].failure == report.failure)
            #expect(report.units[0].cachedLoadNs != nil)
        }

        @Test("interrupted, it gives its job back and ends with status 130", arguments: [SIGINT, SIGTERM])
        func interrupted(signal: Int32) async throws {
            let host = try SmallHost()
            defer { host.stop() }
            let state = try TemporaryFolder()
            var plan = quickPlan()
            plan.rounds = 10_000
            host.offer("a", ModelPackage(simulation: #"{"predictionSeconds": 0.005}"#), plan: plan)
            let process = try harness(arguments(host, state, []))
            let journal = state.file("runs")
            async let ended = end(process)
            while ((try? FileManager.default.contentsOfDirectory(atPath: journal.path)) ?? []).isEmpty {
                try await Task.sleep(nanoseconds: 20_000_000)
            }
            kill(process.processIdentifier, signal)
            #expect(try await ended.status == 130)
            #expect(host.releases == [Release(reason: "the phone was told to stop", retry: true)])
        }

        @Test("usage errors end with status 2")
        func usage() async throws {
            #expect(try await end(try harness(["fly"])).status == 2)
        }
    }
#endif
