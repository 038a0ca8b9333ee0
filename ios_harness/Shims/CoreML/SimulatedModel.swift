import CoreVideo
import Foundation

/// What the stand-in for Core ML knows of a model: its interface and its operators, read from the package, and how it
/// should behave.
struct SimulatedModel: Codable {
    var functions: [SimulatedFunction]
    var simulation: Simulation

    private static let fileName = "simulated-model.json"

    /// Throws where `package` is no package with an ML Program.
    static func read(package: URL) throws -> SimulatedModel {
        let usual = ProcessInfo.processInfo.environment["MOBILEDEPLOY_SIMULATION"].map { URL(fileURLWithPath: $0) }
        let own = package.appendingPathComponent("simulation.json")
        var simulation = Simulation()
        if let data = (try? Data(contentsOf: own)) ?? usual.flatMap({ try? Data(contentsOf: $0) }) {
            simulation = try JSONDecoder().decode(Simulation.self, from: data)
        }
        return SimulatedModel(functions: try specification(of: package), simulation: simulation)
    }

    static func read(compiled: URL) throws -> SimulatedModel {
        guard let data = try? Data(contentsOf: compiled.appendingPathComponent(fileName)) else {
            throw modelError(.io, "Unable to load model: \(compiled.path) is not a compiled model")
        }
        return try JSONDecoder().decode(SimulatedModel.self, from: data)
    }

    func write(to compiled: URL) throws {
        try JSONEncoder().encode(self).write(to: compiled.appendingPathComponent(Self.fileName))
    }

    private static func specification(of package: URL) throws -> [SimulatedFunction] {
        let manifest = package.appendingPathComponent("Manifest.json")
        guard let data = try? Data(contentsOf: manifest),
            let document = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
            let root = document["rootModelIdentifier"] as? String,
            let items = document["itemInfoEntries"] as? [String: [String: Any]],
            let path = items[root]?["path"] as? String,
            let model = try? Data(contentsOf: package.appendingPathComponent("Data/" + path))
        else { throw modelError(.io, "Error reading the package at \(package.path)") }
        let functions = Specification.functions(of: model)
        guard !functions.isEmpty else { throw modelError(.io, "\(package.path) holds no model") }
        return functions
    }
}

struct SimulatedFunction: Codable {
    var name: String
    var inputs: [SimulatedFeature]
    var outputs: [SimulatedFeature]
    var states: [SimulatedFeature] = []
    var operations: [SimulatedOperation] = []
    var classLabels: [String]?
}

struct SimulatedOperation: Codable {
    var type: String
    var outputs: [String]
    var blocks: [[SimulatedOperation]]?
}

/// `shape`: of an array as declared, of an image (height, width). `dataType`: as in MLMultiArrayDataType.
struct SimulatedFeature: Codable {
    enum Kind: String, Codable {
        case multiarray, image, grayscale, grayscaleHalf, dictionary, string, int64, double
    }

    var name: String
    var kind: Kind
    var shape: [Int] = []
    var dataType = 0x10020
    var optional = false

    var pixelFormat: OSType {
        switch kind {
        case .grayscale: kCVPixelFormatType_OneComponent8
        case .grayscaleHalf: kCVPixelFormatType_OneComponent16Half
        default: kCVPixelFormatType_32BGRA
        }
    }
}
