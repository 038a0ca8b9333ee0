import BenchmarkRecords
import Foundation

/// How models are compiled, loaded and asked. Live: `ModelRunner.coreML`; tests build their own of closures.
public struct ModelRunner: Sendable {
    /// What the framework can run on: "cpu", "gpu", "neuralEngine"; empty where it does not tell.
    public var devices: @Sendable () -> ComputeDevices
    /// Compiles the package and leaves the result at `destination`, which does not exist before.
    public var compile: @Sendable (_ package: URL, _ destination: URL) async throws -> Void
    /// Loads on the calling thread, and returns when the model can predict.
    public var load: @Sendable (LoadRequest) throws -> LoadedModel
    /// Where each operator is expected to run; empty where the system does not tell.
    public var placements: @Sendable (LoadRequest) async throws -> [OperatorPlacement]

    public init(
        devices: @escaping @Sendable () -> ComputeDevices,
        compile: @escaping @Sendable (URL, URL) async throws -> Void,
        load: @escaping @Sendable (LoadRequest) throws -> LoadedModel,
        placements: @escaping @Sendable (LoadRequest) async throws -> [OperatorPlacement]
    ) {
        self.devices = devices
        self.compile = compile
        self.load = load
        self.placements = placements
    }
}

public struct ComputeDevices: Equatable, Sendable {
    public var names: [String]
    public var neuralEngineCores: Int?

    public init(names: [String] = [], neuralEngineCores: Int? = nil) {
        self.names = names
        self.neuralEngineCores = neuralEngineCores
    }
}

/// A compiled model, and how to load it. `function`: nil for the package's default.
public struct LoadRequest: Equatable, Sendable {
    public var compiled: URL
    public var computeUnits: ComputeUnits
    public var function: String?

    public init(compiled: URL, computeUnits: ComputeUnits, function: String? = nil) {
        self.compiled = compiled
        self.computeUnits = computeUnits
        self.function = function
    }
}

/// A model in memory. Stays on the thread that loaded it.
public struct LoadedModel {
    /// Sorted by name, without those that may be left out.
    public var inputs: [InputDescription]
    /// Makes everything that a prediction on these inputs needs, before anything is timed.
    public var prepare: ([Tensor]) throws -> Prediction

    public init(inputs: [InputDescription] = [], prepare: @escaping ([Tensor]) throws -> Prediction) {
        self.inputs = inputs
        self.prepare = prepare
    }
}

/// A prediction that is ready to be made, again and again.
public struct Prediction {
    /// Predicts, synchronously: this is what is timed.
    public var run: () throws -> Void
    /// The outputs of the last `run`, sorted by name, C-contiguous whatever form the framework gave them.
    public var outputs: () throws -> [Tensor]
    /// What `outputs` left out of the same `run`, as "name (kind)": values that no array of numbers can hold.
    public var leftOut: () -> [String]

    public init(
        run: @escaping () throws -> Void, outputs: @escaping () throws -> [Tensor],
        leftOut: @escaping () -> [String] = { [] }
    ) {
        self.run = run
        self.outputs = outputs
        self.leftOut = leftOut
    }
}

/// An array with its bytes: C-contiguous, little-endian. An image is as `TensorContent` says.
public struct Tensor: Equatable, Sendable {
    public var name: String
    public var dtype: TensorType
    public var shape: [Int]
    public var kind: TensorKind
    public var data: Data

    public init(name: String, dtype: TensorType, shape: [Int], kind: TensorKind = .multiarray, data: Data) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.kind = kind
        self.data = data
    }

    public var content: TensorContent {
        TensorContent(
            name: name, dtype: dtype, shape: shape, sha256: SHA256Digest.hex(data), bytes: data.count, kind: kind)
    }
}

/// A step that the framework refused, or that cannot be asked of it. `code`: the framework's.
public struct RunnerError: Error, Equatable, CustomStringConvertible {
    public var message: String
    public var code: Int?

    public init(_ message: String, code: Int? = nil) {
        self.message = message
        self.code = code
    }

    public var description: String { message }
}
