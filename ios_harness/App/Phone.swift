import BenchmarkRecords
import DeviceState
import DeviceStateLive
import Foundation
import HarnessFeature
import HostClient
import HostClientLive
import ModelRunner
import ModelRunnerCoreML
import UIKit

/// Binds the session to the screen. Everything that decides something is in HarnessFeature, and tested there.
@MainActor
final class Phone: ObservableObject {
    @Published private(set) var screen = PhoneScreen()
    @Published private(set) var isPairing = false
    let reports: URL
    private let session: PhoneSession
    private var work: Task<Void, Never>?

    init() {
        let files = FileManager.default
        let documents = files.urls(for: .documentDirectory, in: .userDomainMask)[0]
        let support = files.urls(for: .applicationSupportDirectory, in: .userDomainMask)[0]
        let reports = documents.appendingPathComponent("reports")
        self.reports = reports
        session = PhoneSession(
            environment: HarnessEnvironment(
                runner: .coreML, device: .live,
                workspace: Workspace(support.appendingPathComponent("harness"), shared: reports)),
            inbox: JobInbox(jobs: documents.appendingPathComponent("jobs"), reports: reports),
            client: { host, secret in .speaking(over: .live(host: host), secret: secret) })
        screen.host = session.pairedHost?.host.absoluteString
    }

    /// Does nothing while the session is under way.
    func start() {
        WatchedByUIKit.shared.begin()
        // The screen must stay on: iOS breaks off GPU work of an app behind a locked screen.
        UIApplication.shared.isIdleTimerDisabled = true
        guard work == nil else { return }
        work = Task { [session] in
            do {
                try await session.run { update in Task { @MainActor in self.show(update) } }
            } catch is CancellationError {
            } catch {
                self.screen.show(error)
            }
            self.work = nil
        }
    }

    func pair(link: String) {
        pair { try PairingLink(link) }
    }

    func pair(host: String, token: String) {
        pair { try PairingLink(host: host, token: token) }
    }

    private func pair(_ read: () throws -> PairingLink) {
        do {
            let link = try read()
            let former = work
            isPairing = true
            Task {
                former?.cancel()
                await former?.value
                do {
                    screen.host = try await session.pair(link).host.absoluteString
                } catch {
                    screen.show(error)
                }
                isPairing = false
                start()
            }
        } catch {
            screen.show(error)
        }
    }

    private func show(_ update: Worker.Update) {
        var next = screen
        if next.show(update) { screen = next }
    }
}
