public struct List<SelectionValue: Hashable, Content: View>: PrimitiveView {
    let content: Content
}

extension List where SelectionValue == Never {
    public init(@ViewBuilder content: () -> Content) { self.content = content() }
}

@MainActor
@preconcurrency
public struct Section<Parent, Content, Footer> {
    let header: Parent
    let content: Content
    let footer: Footer
}

extension Section: View, PrimitiveView where Parent: View, Content: View, Footer: View {
    public typealias Body = Never
}

extension Section where Parent == Text, Content: View, Footer == EmptyView {
    public init(_ titleKey: LocalizedStringKey, @ViewBuilder content: () -> Content) {
        (header, self.content, footer) = (Text(titleKey), content(), EmptyView())
    }
}

@MainActor
@preconcurrency
public struct ForEach<Data: RandomAccessCollection, ID: Hashable, Content> {
    /// All at once; Apple's are made when they are drawn.
    let views: [Content]
}

extension ForEach: View, PrimitiveView where Content: View {
    public typealias Body = Never
}

extension ForEach where ID == Data.Element.ID, Content: View, Data.Element: Identifiable {
    public init(_ data: Data, @ViewBuilder content: @escaping (Data.Element) -> Content) {
        views = data.map(content)
    }
}

public struct NavigationPath: Equatable {}

public struct NavigationStack<Data, Root: View>: PrimitiveView {
    let root: Root
}

extension NavigationStack where Data == NavigationPath {
    public init(@ViewBuilder root: () -> Root) { self.root = root() }
}
