import CoreVideo
import Foundation

public class MLMultiArrayConstraint: NSObject {
    public let shape: [NSNumber]
    public let dataType: MLMultiArrayDataType

    init(shape: [NSNumber], dataType: MLMultiArrayDataType) {
        self.shape = shape
        self.dataType = dataType
    }
}

public class MLImageConstraint: NSObject {
    public let pixelsHigh: Int
    public let pixelsWide: Int
    public let pixelFormatType: OSType

    init(pixelsHigh: Int, pixelsWide: Int, pixelFormatType: OSType) {
        self.pixelsHigh = pixelsHigh
        self.pixelsWide = pixelsWide
        self.pixelFormatType = pixelFormatType
    }
}

public class MLFeatureDescription: NSObject {
    public let name: String
    public let type: MLFeatureType
    public let isOptional: Bool
    public let multiArrayConstraint: MLMultiArrayConstraint?
    public let imageConstraint: MLImageConstraint?

    init(_ feature: SimulatedFeature) {
        name = feature.name
        isOptional = feature.optional
        switch feature.kind {
        case .multiarray:
            type = .multiArray
            let type = MLMultiArrayDataType(rawValue: feature.dataType) ?? .float32
            multiArrayConstraint = MLMultiArrayConstraint(
                shape: feature.shape.map { NSNumber(value: $0) }, dataType: type)
            imageConstraint = nil
        case .image, .grayscale, .grayscaleHalf:
            type = .image
            multiArrayConstraint = nil
            imageConstraint = MLImageConstraint(
                pixelsHigh: feature.shape[0], pixelsWide: feature.shape[1], pixelFormatType: feature.pixelFormat)
        case .dictionary, .string, .int64, .double:
            let types: [SimulatedFeature.Kind: MLFeatureType] = [
                .dictionary: .dictionary, .string: .string, .int64: .int64, .double: .double,
            ]
            type = types[feature.kind] ?? .invalid
            multiArrayConstraint = nil
            imageConstraint = nil
        }
    }
}

public class MLModelDescription: NSObject {
    public let inputDescriptionsByName: [String: MLFeatureDescription]
    public let outputDescriptionsByName: [String: MLFeatureDescription]
    @available(iOS 18, macOS 15, *)
    public let stateDescriptionsByName: [String: MLFeatureDescription]
    public let classLabels: [Any]?

    init(_ function: SimulatedFunction) {
        func byName(_ features: [SimulatedFeature]) -> [String: MLFeatureDescription] {
            Dictionary(features.map { ($0.name, MLFeatureDescription($0)) }, uniquingKeysWith: { first, _ in first })
        }
        inputDescriptionsByName = byName(function.inputs)
        outputDescriptionsByName = byName(function.outputs)
        stateDescriptionsByName = byName(function.states)
        classLabels = function.classLabels
    }
}
