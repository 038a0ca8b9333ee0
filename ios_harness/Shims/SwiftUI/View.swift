@_exported import Combine
@_exported import UIKit

// The part of SwiftUI that the app uses, as Apple documents it for iOS 16, with the isolation of the SDK of Xcode 16:
// the app's views are compiled against it. A view keeps what it was made of; nothing is drawn.

@MainActor
@preconcurrency
public protocol View {
    associatedtype Body: View
    @ViewBuilder @MainActor @preconcurrency var body: Body { get }
}

extension Never: View, Scene {
    public typealias Body = Never
    public var body: Never { return fatalError("there is no such view") }
}

/// A view that SwiftUI draws itself. The protocol is not Apple's.
public protocol PrimitiveView: View where Body == Never {}

extension PrimitiveView {
    public var body: Never { fatalError("SwiftUI draws \(type(of: self)) itself") }
}

public struct EmptyView: PrimitiveView {
    nonisolated public init() {}
}

public struct TupleView<T>: PrimitiveView {
    public let value: T

    public init(_ value: T) { self.value = value }
}

public struct ConditionalContent<TrueContent: View, FalseContent: View>: PrimitiveView {
    enum Storage {
        case first(TrueContent)
        case second(FalseContent)
    }

    let storage: Storage

    init(_ storage: Storage) { self.storage = storage }
}

extension Optional: View where Wrapped: View {
    public typealias Body = Never
}

extension Optional: PrimitiveView where Wrapped: View {}

@MainActor
@resultBuilder
public struct ViewBuilder {
    public static func buildExpression<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock() -> EmptyView { EmptyView() }
    public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock<each Content: View>(
        _ content: repeat each Content
    ) -> TupleView<(repeat each Content)> {
        TupleView((repeat each content))
    }
    public static func buildIf<Content: View>(_ content: Content?) -> Content? { content }
    public static func buildEither<TrueContent: View, FalseContent: View>(
        first: TrueContent
    ) -> ConditionalContent<TrueContent, FalseContent> {
        ConditionalContent(.first(first))
    }
    public static func buildEither<TrueContent: View, FalseContent: View>(
        second: FalseContent
    ) -> ConditionalContent<TrueContent, FalseContent> {
        ConditionalContent(.second(second))
    }
}
