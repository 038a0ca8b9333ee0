import BenchmarkRecords
import Combine
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
    private var pairing: Task<Void, Never>?

    convenience init() {
        let files = FileManager.default
        self.init(
            documents: files.urls(for: .documentDirectory, in: .userDomainMask)[0],
            support: files.urls(for: .applicationSupportDirectory, in: .userDomainMask)[0])
    }

    /// `documents`: what people see of the app's files. `support`: what is nobody else's.
    init(documents: URL, support: URL) {
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

    /// Does nothing while the session is under way, or while the phone is paired: then it starts afterwards.
    func start() {
        WatchedByUIKit.shared.begin()
        // The screen must stay on: iOS breaks off GPU work of an app behind a locked screen.
        UIApplication.shared.isIdleTimerDisabled = true
        guard work == nil, !isPairing else { return }
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

    /// The last code that was shown counts.
    private func pair(_ read: () throws -> PairingLink) {
        do {
            let link = try read()
            let earlier = pairing
            pairing = Task {
                earlier?.cancel()
                await earlier?.value
                await pair(link)
            }
        } catch {
            screen.show(error)
        }
    }

    private func pair(_ link: PairingLink) async {
        isPairing = true
        work?.cancel()
        await work?.value
        do {
            screen.host = try await session.pair(link).host.absoluteString
        } catch is CancellationError {
        } catch {
            screen.show(error)
        }
        isPairing = false
        start()
    }

    private func show(_ update: Worker.Update) {
        var next = screen
        if next.show(update) { screen = next }
    }
}
