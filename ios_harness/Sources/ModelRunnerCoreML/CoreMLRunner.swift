import BenchmarkRecords
import CoreML
import Foundation
import ModelRunner

extension ModelRunner {
    /// Core ML itself.
    public static let coreML = ModelRunner(
        devices: CoreMLDevices.available,
        compile: { package, destination in
            try await translatingErrors {
                let compiled = try await MLModel.compileModel(at: package)
                // Left in a temporary folder, which the system empties: kept only where it is moved.
                try FileManager.default.createDirectory(
                    at: destination.deletingLastPathComponent(), withIntermediateDirectories: true)
                try FileManager.default.moveItem(at: compiled, to: destination)
            }
        },
        load: { request in
            let model = try translatingErrors {
                try MLModel(contentsOf: request.compiled, configuration: configuration(request))
            }
            return LoadedModel(inputs: CoreMLValues.inputs(of: model)) { tensors in
                try CoreMLPrediction(model: model, tensors: tensors).prediction
            }
        },
        placements: { request in
            guard #available(iOS 17.4, macOS 14.4, *) else { return [] }
            return try await translatingErrors { try await CoreMLPlan.placements(request) }
        })

    static func configuration(_ request: LoadRequest) throws -> MLModelConfiguration {
        let configuration = MLModelConfiguration()
        configuration.computeUnits = request.computeUnits.coreML
        if let function = request.function {
            guard #available(iOS 18, macOS 15, *) else {
                throw RunnerError("the function \(function) of a package can be chosen from iOS 18 and macOS 15 on")
            }
            configuration.functionName = function
        }
        return configuration
    }
}

extension ComputeUnits {
    var coreML: MLComputeUnits {
        switch self {
        case .cpuOnly: .cpuOnly
        case .cpuAndGPU: .cpuAndGPU
        case .cpuAndNeuralEngine: .cpuAndNeuralEngine
        case .all: .all
        }
    }
}

/// Core ML's errors with their sentence and their code.
func translatingErrors<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch { throw translated(error) }
}

func translatingErrors<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch { throw translated(error) }
}

private func translated(_ error: any Error) -> any Error {
    if error is RunnerError || error is CancellationError { return error }
    let plain = error as NSError
    return RunnerError(plain.localizedDescription, code: plain.code)
}
