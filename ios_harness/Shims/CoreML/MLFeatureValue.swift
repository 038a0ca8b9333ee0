import CoreVideo
import Foundation

public enum MLFeatureType: Int, Sendable {
    case invalid = 0
    case int64 = 1
    case double = 2
    case string = 3
    case image = 4
    case multiArray = 5
    case dictionary = 6
    case sequence = 7
    case state = 8
}

public class MLFeatureValue: NSObject {
    private enum Content {
        case multiArray(MLMultiArray)
        case image(CVPixelBuffer)
        case dictionary([AnyHashable: NSNumber])
        case string(String)
        case int64(Int64)
        case double(Double)
    }

    private let content: Content

    private init(_ content: Content) { self.content = content }

    public convenience init(multiArray value: MLMultiArray) { self.init(.multiArray(value)) }
    public convenience init(pixelBuffer value: CVPixelBuffer) { self.init(.image(value)) }
    public convenience init(dictionary value: [AnyHashable: NSNumber]) throws { self.init(.dictionary(value)) }
    public convenience init(string value: String) { self.init(.string(value)) }
    public convenience init(int64 value: Int64) { self.init(.int64(value)) }
    public convenience init(double value: Double) { self.init(.double(value)) }

    public var type: MLFeatureType {
        switch content {
        case .multiArray: .multiArray
        case .image: .image
        case .dictionary: .dictionary
        case .string: .string
        case .int64: .int64
        case .double: .double
        }
    }

    public var multiArrayValue: MLMultiArray? {
        if case .multiArray(let value) = content { value } else { nil }
    }

    public var imageBufferValue: CVPixelBuffer? {
        if case .image(let value) = content { value } else { nil }
    }

    public var dictionaryValue: [AnyHashable: NSNumber] {
        if case .dictionary(let value) = content { value } else { [:] }
    }

    public var stringValue: String {
        if case .string(let value) = content { value } else { "" }
    }

    public var int64Value: Int64 {
        if case .int64(let value) = content { value } else { 0 }
    }

    public var doubleValue: Double {
        if case .double(let value) = content { value } else { 0 }
    }
}

public protocol MLFeatureProvider {
    var featureNames: Set<String> { get }
    func featureValue(for featureName: String) -> MLFeatureValue?
}

public class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
    public let dictionary: [String: MLFeatureValue]

    /// Core ML wraps plain values; here every value is a feature value already.
    public init(dictionary: [String: Any]) throws {
        self.dictionary = try dictionary.mapValues { value in
            guard let value = value as? MLFeatureValue else { throw modelError(.generic, "no feature value: \(value)") }
            return value
        }
    }

    public var featureNames: Set<String> { Set(dictionary.keys) }

    public func featureValue(for featureName: String) -> MLFeatureValue? { dictionary[featureName] }
}
