#if os(Linux)
    import SwiftUI

    @testable import HarnessApp

    /// The words on a screen, in their order: what the views' bodies hold, those of their titles and buttons too.
    ///
    /// In a file without Testing: beside a module of the name UIKit the compiler would look for Testing's part for it.
    @MainActor
    enum ScreenText {
        static func of(_ phone: Phone) -> [String] { words(PhoneView(phone: phone)) }

        static var ofNewApp: [String] { words(HarnessApp().body) }

        private static func words(_ value: Any) -> [String] {
            if let text = value as? Text { return [text.content] }
            if let view = value as? any View, let body = body(of: view) { return words(body) }
            return Mirror(reflecting: value).children.flatMap { words($0.value) }
        }

        private static func body<Shown: View>(of view: Shown) -> Any? {
            Shown.Body.self == Never.self ? nil : view.body
        }
    }
#endif
