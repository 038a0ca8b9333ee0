import Foundation

@MainActor
@preconcurrency
public protocol App {
    associatedtype Body: Scene
    @SceneBuilder @MainActor @preconcurrency var body: Body { get }
    @MainActor @preconcurrency init()
}

extension App {
    @MainActor
    @preconcurrency
    public static func main() {
        FileHandle.standardError.write(Data("This is the app compiled without SwiftUI; it runs on a phone.\n".utf8))
        exit(1)
    }
}

@MainActor
@preconcurrency
public protocol Scene {
    associatedtype Body: Scene
    @SceneBuilder @MainActor @preconcurrency var body: Body { get }
}

@resultBuilder
public struct SceneBuilder {
    public static func buildExpression<Content: Scene>(_ content: Content) -> Content { content }
    public static func buildBlock<Content: Scene>(_ content: Content) -> Content { content }
}

public struct WindowGroup<Content: View>: Scene {
    let content: Content

    public init(@ViewBuilder content: () -> Content) { self.content = content() }

    public var body: Never { fatalError("SwiftUI shows a window itself") }
}

public enum ScenePhase: Int, Comparable, Sendable {
    case background, inactive, active

    public static func < (a: ScenePhase, b: ScenePhase) -> Bool { a.rawValue < b.rawValue }
}

public struct EnvironmentValues {
    public var scenePhase = ScenePhase.active
}
