public struct LocalizedStringKey: Equatable, ExpressibleByStringInterpolation {
    let key: String

    public init(_ value: String) { key = value }
    public init(stringLiteral value: String) { key = value }
}

public struct Text: PrimitiveView {
    public let content: String

    public init(_ key: LocalizedStringKey) { content = key.key }

    @_disfavoredOverload
    public init<S: StringProtocol>(_ content: S) { self.content = String(content) }
}

public struct Image: PrimitiveView {
    public let name: String

    public init(systemName: String) { name = systemName }
}

public struct Label<Title: View, Icon: View>: PrimitiveView {
    let title: Title
    let icon: Icon

    public init(@ViewBuilder title: () -> Title, @ViewBuilder icon: () -> Icon) {
        (self.title, self.icon) = (title(), icon())
    }
}

extension Label where Title == Text, Icon == Image {
    public init(_ titleKey: LocalizedStringKey, systemImage name: String) {
        self.init(title: { Text(titleKey) }, icon: { Image(systemName: name) })
    }

    @_disfavoredOverload
    public init<S: StringProtocol>(_ title: S, systemImage name: String) {
        self.init(title: { Text(title) }, icon: { Image(systemName: name) })
    }
}

public struct LabeledContent<Label: View, Content: View>: PrimitiveView {
    let label: Label
    let content: Content
}

extension LabeledContent where Label == Text, Content == Text {
    public init<S: StringProtocol>(_ titleKey: LocalizedStringKey, value: S) {
        (label, content) = (Text(titleKey), Text(value))
    }
}
