#if os(Linux) || os(macOS)
    import Foundation
    import Testing

    private let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func propertyList(_ path: String) throws -> [String: Any] {
        let data = try Data(contentsOf: root.appendingPathComponent(path))
        return try #require(try PropertyListSerialization.propertyList(from: data, format: nil) as? [String: Any])
    }

    @Suite("The app's project")
    struct ProjectTests {
        private let project: [String: Any]
        private let objects: [String: [String: Any]]

        init() throws {
            project = try propertyList("HarnessApp.xcodeproj/project.pbxproj")
            objects = try #require(project["objects"] as? [String: [String: Any]])
        }

        private func object(_ isa: String) throws -> [String: Any] {
            try #require(objects.values.first { $0["isa"] as? String == isa })
        }

        @Test("every object that is named is there, and every one that is there is named")
        func references() throws {
            func identifiers(_ value: Any) -> [String] {
                switch value {
                case let text as String: text.count == 24 && text.hasPrefix("5D0000") ? [text] : []
                case let list as [Any]: list.flatMap(identifiers)
                case let fields as [String: Any]: fields.flatMap { identifiers($0.key) + identifiers($0.value) }
                default: []
                }
            }
            let named = Set(objects.values.flatMap(identifiers) + identifiers(project["rootObject"] as Any))
            #expect(named == Set(objects.keys))
        }

        @Test("is of the format that keeps folders in step, and its folders are there")
        func folders() throws {
            #expect(project["objectVersion"] as? String == "77")
            let group = try object("PBXFileSystemSynchronizedRootGroup")
            let package = try object("XCLocalSwiftPackageReference")
            let folder = root.appendingPathComponent(try #require(group["path"] as? String))
            #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent("HarnessApp.swift").path))
            let manifest = root.appendingPathComponent(try #require(package["relativePath"] as? String))
                .appendingPathComponent("Package.swift")
            let product = try #require(try object("XCSwiftPackageProductDependency")["productName"] as? String)
            #expect(try String(contentsOf: manifest, encoding: .utf8).contains("name: \"\(product)\""))
        }

        @Test("the Info.plist stands outside the folder that Xcode copies, and every setting it names is made")
        func settings() throws {
            let target = objects.values.compactMap { $0["buildSettings"] as? [String: Any] }
                .filter { $0["INFOPLIST_FILE"] != nil }
            #expect(target.count == 2)
            for settings in target {
                let path = try #require(settings["INFOPLIST_FILE"] as? String)
                #expect(!path.hasPrefix("App/"))
                let text = try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
                for own in ["MARKETING_VERSION", "CURRENT_PROJECT_VERSION", "MOBILEDEPLOY_COMMIT"] {
                    #expect(text.contains("$(\(own))"))
                    #expect(settings[own] != nil)
                }
            }
        }

        @Test("the app may talk to the local network, opens pairing links and shares its files")
        func permissions() throws {
            let info = try propertyList("HarnessApp-Info.plist")
            let types = try #require(info["CFBundleURLTypes"] as? [[String: Any]])
            #expect(types[0]["CFBundleURLSchemes"] as? [String] == ["mobiledeploy"])
            #expect((info["NSLocalNetworkUsageDescription"] as? String)?.isEmpty == false)
            let security = try #require(info["NSAppTransportSecurity"] as? [String: Any])
            #expect(security["NSAllowsLocalNetworking"] as? Bool == true)
            #expect(security["NSAllowsArbitraryLoads"] == nil)
            #expect(info["UIFileSharingEnabled"] as? Bool == true)
            #expect(info["LSSupportsOpeningDocumentsInPlace"] as? Bool == true)
        }

        /// What is measured on a phone must be built for it, and never runs beside another app or on a Mac.
        @Test("what the documented command builds is optimized, for phones and tablets alone, and has the screen")
        func release() throws {
            let configurations = objects.values.filter { $0["isa"] as? String == "XCBuildConfiguration" }
            let settings = configurations.compactMap { $0["buildSettings"] as? [String: Any] }
            for release in settings.filter({ $0["SWIFT_COMPILATION_MODE"] != nil }) {
                #expect(release["SWIFT_OPTIMIZATION_LEVEL"] as? String == "-O")
                #expect(release["SWIFT_ACTIVE_COMPILATION_CONDITIONS"] == nil)
            }
            let targets = settings.filter { $0["PRODUCT_NAME"] != nil }
            #expect(targets.count == 2)
            for target in targets {
                #expect(target["SUPPORTED_PLATFORMS"] as? String == "iphoneos iphonesimulator")
                #expect(target["SUPPORTS_MACCATALYST"] as? String == "NO")
                #expect(target["SUPPORTS_MAC_DESIGNED_FOR_IPHONE_IPAD"] as? String == "NO")
                // Whose team signs is said on the command line: what stands here would bind it to somebody's.
                for signing in ["DEVELOPMENT_TEAM", "CODE_SIGN_IDENTITY", "PROVISIONING_PROFILE_SPECIFIER"] {
                    #expect(target[signing] == nil)
                }
            }
            #expect(try propertyList("HarnessApp-Info.plist")["UIRequiresFullScreen"] as? Bool == true)
        }

        @Test("the scheme runs the release build, without a debugger")
        func scheme() throws {
            let path = "HarnessApp.xcodeproj/xcshareddata/xcschemes/HarnessApp.xcscheme"
            let scheme = try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
            for action in ["LaunchAction", "ProfileAction", "ArchiveAction"] {
                #expect(scheme.contains("<\(action) buildConfiguration = \"Release\""))
            }
            #expect(scheme.contains("selectedDebuggerIdentifier = \"\""))
            #expect(scheme.contains("PosixSpawnLauncher"))
        }

        /// The project links one product of the package: a module beside it is not found when Xcode builds the app.
        @Test("the app imports modules of the product that the project links, and of iOS")
        func imports() throws {
            let folder = root.appendingPathComponent("App")
            let sources = try FileManager.default.contentsOfDirectory(atPath: folder.path)
                .filter { $0.hasSuffix(".swift") }
            let lines = try sources.flatMap {
                try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8).split(separator: "\n")
            }
            let imported = Set(lines.filter { $0.hasPrefix("import ") }.map { String($0.dropFirst(7)) })
            let manifest = try String(contentsOf: root.appendingPathComponent("Package.swift"), encoding: .utf8)
            let product = try #require(manifest.range(of: "name: \"Harness\","))
            let end = try #require(manifest[product.upperBound...].range(of: "]"))
            let linked = manifest[product.upperBound..<end.lowerBound].split(separator: "\"").map(String.init)
            #expect(imported.count > 6)
            #expect(imported.subtracting(linked).subtracting(["Combine", "Foundation", "SwiftUI", "UIKit"]).isEmpty)
        }
    }
#endif
