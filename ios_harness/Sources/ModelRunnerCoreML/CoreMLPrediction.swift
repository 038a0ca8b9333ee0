import BenchmarkRecords
import CoreML
import Foundation
import ModelRunner

/// One set of inputs for one loaded model: everything is made here, and only the prediction is left for the timed
/// region.
final class CoreMLPrediction {
    private let model: MLModel
    private let inputs: MLDictionaryFeatureProvider
    private let options = MLPredictionOptions()
    private var answer: (any MLFeatureProvider)?
    private var leftOut: [String] = []

    init(model: MLModel, tensors: [Tensor]) throws {
        self.model = model
        let descriptions = model.modelDescription.inputDescriptionsByName
        inputs = try translatingErrors {
            let values = try tensors.map { tensor in
                guard let description = descriptions[tensor.name] else {
                    let names = descriptions.keys.sorted().joined(separator: ", ")
                    throw RunnerError("the model has no input named \(tensor.name); it has \(names)")
                }
                return (tensor.name, try CoreMLValues.feature(of: tensor, for: description) as Any)
            }
            return try MLDictionaryFeatureProvider(dictionary: Dictionary(values, uniquingKeysWith: { $1 }))
        }
    }

    var prediction: Prediction {
        get throws {
            guard #available(iOS 18, macOS 15, *), !model.modelDescription.stateDescriptionsByName.isEmpty else {
                return Prediction(run: predict, outputs: outputs, leftOut: { [self] in leftOut })
            }
            // A model with state is asked from the same state on, as in an application that goes on with its text.
            let state = model.makeState()
            return Prediction(
                run: { [self] in
                    answer = try translatingErrors {
                        try model.prediction(from: inputs, using: state, options: options)
                    }
                },
                outputs: outputs, leftOut: { [self] in leftOut })
        }
    }

    private func predict() throws {
        answer = try translatingErrors { try model.prediction(from: inputs, options: options) }
    }

    private func outputs() throws -> [Tensor] {
        guard let answer else { throw RunnerError("no prediction was made") }
        leftOut = []
        return try answer.featureNames.sorted().compactMap { name in
            guard let value = answer.featureValue(for: name) else { return nil }
            let tensor = try CoreMLValues.tensor(of: value, name: name, labels: model.modelDescription.classLabels)
            if tensor == nil { leftOut.append("\(name) (\(CoreMLValues.kind(value.type)))") }
            return tensor
        }
    }
}
