import Foundation

public let MLModelErrorDomain = "com.apple.CoreML"

public struct MLModelError: Error {
    public enum Code: Int, Sendable {
        case generic = 0
        case featureType = 1
        case io = 3
        case predictionCancelled = 10
    }
}

func modelError(_ code: MLModelError.Code, _ message: String) -> NSError {
    NSError(domain: MLModelErrorDomain, code: code.rawValue, userInfo: [NSLocalizedDescriptionKey: message])
}

public enum MLComputeUnits: Int, Sendable {
    case cpuOnly = 0
    case cpuAndGPU = 1
    case all = 2
    case cpuAndNeuralEngine = 3
}

public class MLModelConfiguration: NSObject {
    public var computeUnits = MLComputeUnits.all
    @available(iOS 18, macOS 15, *)
    public var functionName: String?
    public var modelDisplayName: String?
}

public class MLPredictionOptions: NSObject {
    public var outputBackings: [String: Any] = [:]
}

/// Holds a model's state from one prediction to the next.
@available(iOS 18, macOS 15, *)
public class MLState: NSObject {
    var predictions = 0
}

public class MLModel: NSObject {
    public let modelDescription: MLModelDescription
    public let configuration: MLModelConfiguration
    private let model: SimulatedModel
    private let function: SimulatedFunction
    private var predictions = 0
    /// Without state, every prediction has the same outputs: made once.
    private var answer: MLDictionaryFeatureProvider?

    /// Leaves the compiled model in a folder of its own, below the system's for temporary files.
    @available(iOS 16, macOS 13, *)
    public class func compileModel(at modelURL: URL) async throws -> URL {
        let model = try SimulatedModel.read(package: modelURL)
        await model.simulation.wait(model.simulation.compileSeconds)
        model.simulation.killIfAsked(at: .compile)
        if let message = model.simulation.compileError { throw modelError(.generic, message) }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        let compiled = folder.appendingPathComponent(modelURL.deletingPathExtension().lastPathComponent + ".mlmodelc")
        try FileManager.default.createDirectory(at: compiled, withIntermediateDirectories: true)
        try model.write(to: compiled)
        return compiled
    }

    /// Stands here for the compiler, which must choose the asynchronous one, as it does with Apple's.
    public class func compileModel(at modelURL: URL) throws -> URL {
        throw modelError(.generic, "simulated models are compiled asynchronously")
    }

    public init(contentsOf url: URL, configuration: MLModelConfiguration) throws {
        model = try SimulatedModel.read(compiled: url)
        let simulation = model.simulation
        let units = configuration.computeUnits
        let seen = LoadedBefore.shared.insert(path: url.path, units: units)
        simulation.waitBlocking(seen ? simulation.loadSeconds : simulation.firstLoadSeconds)
        simulation.killIfAsked(at: .load, units: units)
        if let message = simulation.loadErrors?[units.name] { throw modelError(.io, message) }
        guard let function = model.functions.first(where: { $0.name == (configuration.functionName ?? $0.name) }) else {
            throw modelError(.generic, "the model has no function named \(configuration.functionName ?? "main")")
        }
        self.function = function
        self.configuration = configuration
        modelDescription = MLModelDescription(function)
    }

    @available(iOS 17, macOS 14, *)
    public class var availableComputeDevices: [MLComputeDevice] {
        [.cpu(MLCPUComputeDevice()), .gpu(MLGPUComputeDevice()), .neuralEngine(MLNeuralEngineComputeDevice())]
    }

    @available(iOS 18, macOS 15, *)
    public func makeState() -> MLState { MLState() }

    public func prediction(
        from input: any MLFeatureProvider, options: MLPredictionOptions
    ) throws -> any MLFeatureProvider {
        try predict(input)
        let answer = try self.answer ?? outputs(offset: 0)
        self.answer = answer
        return answer
    }

    @available(iOS 18, macOS 15, *)
    public func prediction(
        from input: any MLFeatureProvider, using state: MLState, options: MLPredictionOptions
    ) throws -> any MLFeatureProvider {
        try predict(input)
        defer { state.predictions += 1 }
        return try outputs(offset: state.predictions)
    }

    /// For throughput. A measured prediction is the synchronous one: the compiler must choose that.
    @available(iOS 17, macOS 14, *)
    public func prediction(
        from input: any MLFeatureProvider, options: MLPredictionOptions
    ) async throws -> any MLFeatureProvider {
        throw modelError(.generic, "simulated predictions are synchronous")
    }

    @available(iOS 18, macOS 15, *)
    public func prediction(
        from input: any MLFeatureProvider, using state: MLState, options: MLPredictionOptions
    ) async throws -> any MLFeatureProvider {
        throw modelError(.generic, "simulated predictions are synchronous")
    }

    private func predict(_ input: any MLFeatureProvider) throws {
        for feature in function.inputs where !feature.optional && input.featureValue(for: feature.name) == nil {
            throw modelError(.featureType, "Feature \(feature.name) is required but not specified.")
        }
        let simulation = model.simulation
        simulation.waitBlocking(simulation.predictionSeconds)
        simulation.killIfAsked(at: .prediction, units: configuration.computeUnits)
        predictions += 1
        if let message = simulation.predictionError, predictions > simulation.predictionsBeforeError {
            throw modelError(.generic, message)
        }
    }

    private func outputs(offset: Int) throws -> MLDictionaryFeatureProvider {
        let answer = SimulatedAnswer(simulation: model.simulation, offset: offset)
        let values = try function.outputs.map { output in
            (output.name, try answer.value(of: output, labels: function.classLabels ?? []) as Any)
        }
        return try MLDictionaryFeatureProvider(dictionary: Dictionary(values, uniquingKeysWith: { $1 }))
    }
}

/// Core ML specializes a model at its first load from a path, per compute unit: a later load is fast.
final class LoadedBefore: @unchecked Sendable {
    static let shared = LoadedBefore()
    private let lock = NSLock()
    private var seen: Set<String> = []

    /// Whether it was there already.
    func insert(path: String, units: MLComputeUnits) -> Bool {
        lock.withLock { !seen.insert("\(units.rawValue) \(path)").inserted }
    }
}
