import BenchmarkRecords
import CoreML
import CoreVideo
import Foundation
import ModelRunner

/// Arrays and pixel buffers from bytes, and back.
enum CoreMLValues {
    static func inputs(of model: MLModel) -> [InputDescription] {
        let required = model.modelDescription.inputDescriptionsByName.values.filter { !$0.isOptional }
        return required.sorted { $0.name < $1.name }.compactMap { input in
            if let image = input.imageConstraint {
                let colour = image.pixelFormatType == kCVPixelFormatType_32BGRA
                let shape = [image.pixelsHigh, image.pixelsWide] + (colour ? [3] : [])
                return InputDescription(name: input.name, dtype: .uint8, shape: shape, kind: .image)
            }
            return input.multiArrayConstraint.flatMap { array in
                dataTypes.first { $0.type == array.dataType }.map {
                    InputDescription(
                        name: input.name, dtype: $0.name, shape: array.shape.map(\.intValue), kind: .multiarray)
                }
            }
        }
    }

    static func feature(of tensor: Tensor, for description: MLFeatureDescription) throws -> MLFeatureValue {
        let elements = tensor.shape.reduce(1, *)
        guard tensor.data.count == elements * tensor.dtype.bytes else {
            throw RunnerError(
                "input \(tensor.name) of shape \(tensor.shape) has \(tensor.data.count) bytes, "
                    + "not \(elements * tensor.dtype.bytes)")
        }
        switch tensor.kind {
        case .image:
            guard let constraint = description.imageConstraint else {
                throw RunnerError("input \(tensor.name) is no image to the model")
            }
            return MLFeatureValue(pixelBuffer: try PixelBuffers.buffer(of: tensor, format: constraint.pixelFormatType))
        case .multiarray:
            guard description.type == .multiArray else {
                throw RunnerError("input \(tensor.name) is no array to the model")
            }
            let declared = description.multiArrayConstraint?.dataType
            return MLFeatureValue(multiArray: try array(of: tensor, declared: declared))
        }
    }

    private static func array(of tensor: Tensor, declared: MLMultiArrayDataType?) throws -> MLMultiArray {
        // A system before iOS 26 knows no bytes, and may end the process: a model that takes them shows that it does.
        guard let type = dataTypes.first(where: { $0.name == tensor.dtype })?.type, type != int8 || declared == int8
        else {
            throw RunnerError("input \(tensor.name): Core ML takes no arrays of \(tensor.dtype.rawValue)")
        }
        let array = try MLMultiArray(shape: tensor.shape.map { NSNumber(value: $0) }, dataType: type)
        // These strides, not the array's own: writing may move it to memory of another layout.
        array.withUnsafeMutableBytes { bytes, strides in
            StridedLayout(shape: tensor.shape, strides: strides)
                .scatter(tensor.data, into: bytes.baseAddress!, elementBytes: tensor.dtype.bytes)
        }
        return array
    }

    /// A single number becomes an array of one. Nil where the value is none of numbers: the label that a classifier
    /// predicts, a dictionary by anything but its labels, a sequence.
    static func tensor(of value: MLFeatureValue, name: String, labels: [Any]?) throws -> Tensor? {
        switch value.type {
        case .multiArray: try value.multiArrayValue.map { try tensor(of: $0, name: name) }
        case .image: try value.imageBufferValue.map { try PixelBuffers.tensor(of: $0, name: name) }
        case .dictionary: probabilities(value.dictionaryValue, name: name, labels: labels)
        case .double: number(value.doubleValue, .float64, name: name)
        case .int64: Int32(exactly: value.int64Value).map { number($0, .int32, name: name) }
        default: nil
        }
    }

    static func kind(_ type: MLFeatureType) -> String {
        switch type {
        case .string: "string"
        case .dictionary: "dictionary"
        case .sequence: "sequence"
        case .int64: "int64"
        default: "type \(type.rawValue)"
        }
    }

    private static func number<Number>(_ value: Number, _ type: TensorType, name: String) -> Tensor {
        Tensor(name: name, dtype: type, shape: [1], data: withUnsafeBytes(of: value) { Data($0) })
    }

    private static func tensor(of array: MLMultiArray, name: String) throws -> Tensor {
        guard let type = dataTypes.first(where: { $0.type == array.dataType })?.name else {
            throw RunnerError("output \(name) has elements of the type \(array.dataType.rawValue), which is not known")
        }
        let shape = array.shape.map(\.intValue)
        let layout = StridedLayout(shape: shape, strides: array.strides.map(\.intValue))
        let data = array.withUnsafeBytes { layout.gathered(from: $0.baseAddress!, elementBytes: type.bytes) }
        return Tensor(name: name, dtype: type, shape: shape, data: data)
    }

    /// In the order of the labels, as the network computed them.
    private static func probabilities(_ values: [AnyHashable: NSNumber], name: String, labels: [Any]?) -> Tensor? {
        guard let labels = labels as? [AnyHashable] else { return nil }
        let numbers = labels.map { values[$0]?.floatValue ?? .nan }
        let data = numbers.withUnsafeBytes { Data($0) }
        return Tensor(name: name, dtype: .float32, shape: [numbers.count], data: data)
    }

    private static let dataTypes: [(name: TensorType, type: MLMultiArrayDataType)] =
        [(.float16, .float16), (.float32, .float32), (.float64, .double), (.int32, .int32)]
        + (int8.map { [(.int8, $0)] } ?? [])

    /// Has a name from the SDK of iOS 26 on, and its number from the header (MLMultiArray.h).
    private static let int8 = MLMultiArrayDataType(rawValue: 0x20000 | 8)
}
