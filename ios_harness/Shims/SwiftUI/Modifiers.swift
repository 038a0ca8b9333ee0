import Foundation

public struct TextInputAutocapitalization: Sendable {
    public static var never: TextInputAutocapitalization { TextInputAutocapitalization() }
    public static var characters: TextInputAutocapitalization { TextInputAutocapitalization() }
}

public struct Font: Hashable, Sendable {
    public static let footnote = Font()
}

public protocol ShapeStyle: Sendable {}

public struct Color: ShapeStyle {}

extension ShapeStyle where Self == Color {
    public static var red: Color { Color() }
}

/// A view as it was before it was modified, beside what the modifier holds.
struct ModifiedView<Content: View, Modifier>: PrimitiveView {
    let content: Content
    let modifier: Modifier

    init(_ content: Content, _ modifier: Modifier) { (self.content, self.modifier) = (content, modifier) }
}

extension View {
    public func navigationTitle(_ titleKey: LocalizedStringKey) -> some View {
        ModifiedView(self, titleKey)
    }

    public func font(_ font: Font?) -> some View { ModifiedView(self, font) }

    public func foregroundStyle<S: ShapeStyle>(_ style: S) -> some View { ModifiedView(self, style) }

    public func disabled(_ disabled: Bool) -> some View { ModifiedView(self, disabled) }

    public func keyboardType(_ type: UIKeyboardType) -> some View { ModifiedView(self, type) }

    public func textInputAutocapitalization(
        _ autocapitalization: TextInputAutocapitalization?
    ) -> some View {
        ModifiedView(self, autocapitalization)
    }

    public func autocorrectionDisabled(_ disable: Bool = true) -> some View { ModifiedView(self, disable) }

    public func onOpenURL(perform action: @escaping (URL) -> Void) -> some View {
        ModifiedView(self, action)
    }

    public func onChange<V: Equatable>(
        of value: V, perform action: @escaping (_ newValue: V) -> Void
    ) -> some View {
        ModifiedView(self, action)
    }

    public func task(
        priority: TaskPriority = .userInitiated, @_inheritActorContext _ action: @escaping @Sendable () async -> Void
    ) -> some View {
        ModifiedView(self, action)
    }
}
