import Foundation

/// A document that is not the record that was asked for. `description` names the field that does not fit.
public struct WireError: Error, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// Records to JSON and back. One record always gives the same bytes: keys are sorted.
public enum WireDocument {
    public static func encode<Value: Encodable>(_ value: Value) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try encoder.encode(value)
    }

    /// Throws `WireError` where `data` is no such record.
    public static func decode<Value: Decodable>(_: Value.Type = Value.self, from data: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            return try decoder.decode(Value.self, from: data)
        } catch let error as DecodingError {
            throw WireError(sentence(error))
        }
    }

    private static func sentence(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context):
            "field `\(path(context.codingPath + [key]))` is missing"
        case .valueNotFound(_, let context):
            "field `\(path(context.codingPath))` is null"
        case .typeMismatch(let type, let context):
            "field `\(path(context.codingPath))` is not of type \(type)"
        case .dataCorrupted(let context):
            context.codingPath.last?.stringValue == "schema" || context.codingPath.isEmpty
                ? context.debugDescription : "field `\(path(context.codingPath))`: \(context.debugDescription)"
        @unknown default:
            "\(error)"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "") { text, key in
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += (text.isEmpty ? "" : ".") + key.stringValue
            }
        }
    }
}
