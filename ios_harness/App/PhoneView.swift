import Foundation
import HarnessFeature
import SwiftUI

struct PhoneView: View {
    @ObservedObject var phone: Phone

    var body: some View {
        NavigationStack {
            List {
                StatusSection(screen: phone.screen)
                if !phone.screen.isMeasuring {
                    PairingSection(isPairing: phone.isPairing, pair: phone.pair(host:token:))
                }
                FinishedSection(lines: phone.screen.finished, reports: phone.reports)
            }
            .navigationTitle("mobiledeploy")
        }
    }
}

/// Text only: nothing here moves while a model is measured.
private struct StatusSection: View {
    let screen: PhoneScreen

    var body: some View {
        Section("Now") {
            Text(screen.status)
            if let host = screen.host { LabeledContent("Host", value: host) }
            if let problem = screen.problem { Text(problem).foregroundStyle(.red) }
        }
    }
}

private struct PairingSection: View {
    let isPairing: Bool
    let pair: (String, String) -> Void
    @State private var host = ""
    @State private var token = ""

    var body: some View {
        Section("Pair") {
            Text("Point the camera at the code that the host shows, or type what stands below it.")
                .font(.footnote)
            TextField("Address, e.g. 192.168.1.20:8477", text: $host)
                .keyboardType(.URL)
                .textInputAutocapitalization(.never)
                .autocorrectionDisabled()
            TextField("Token", text: $token)
                .textInputAutocapitalization(.characters)
                .autocorrectionDisabled()
            Button("Pair") { pair(host, token) }
                .disabled(isPairing || host.isEmpty || token.isEmpty)
        }
    }
}

private struct FinishedSection: View {
    let lines: [PhoneScreen.Line]
    let reports: URL

    var body: some View {
        Section("Finished") {
            ForEach(lines) { line in
                Label(line.text, systemImage: line.isValid ? "checkmark.circle" : "exclamationmark.triangle")
            }
            ShareLink("Share all reports", item: reports)
        }
    }
}
