import Foundation
import SwiftUI

@main
struct HarnessApp: App {
    @StateObject private var phone = Phone()
    @Environment(\.scenePhase) private var scenePhase

    var body: some Scene {
        WindowGroup {
            PhoneView(phone: phone)
                .onOpenURL { phone.pair(link: $0.absoluteString) }
                .task { phone.start() }
                .onChange(of: scenePhase) { phase in
                    if phase == .active { phone.start() }
                }
        }
    }
}
