/// A field's name, as it stands in the document.
public struct FieldName: CodingKey, ExpressibleByStringLiteral {
    public let stringValue: String
    public var intValue: Int? { nil }

    public init(stringLiteral value: String) { stringValue = value }
    public init?(stringValue: String) { self.stringValue = stringValue }
    public init?(intValue: Int) { nil }
}

/// Reads the fields of a record. Unknown fields are ignored. A record that stands alone must carry its schema.
struct FieldReader {
    private let container: KeyedDecodingContainer<FieldName>

    init<Record: WireRecord>(_ decoder: any Decoder, _: Record.Type) throws {
        container = try decoder.container(keyedBy: FieldName.self)
        guard decoder.codingPath.isEmpty, let schema = Record.schema else { return }
        guard let found = try? container.decode(String.self, forKey: "schema") else {
            throw corrupted("no `schema` field; expected \(schema)")
        }
        if let refusal = schema.refusal(of: found) { throw corrupted(refusal) }
    }

    func callAsFunction<Value: Decodable>(_ name: FieldName) throws -> Value {
        try container.decode(Value.self, forKey: name)
    }

    func callAsFunction<Value: Decodable>(_ name: FieldName, default value: Value) throws -> Value {
        container.contains(name) ? try container.decode(Value.self, forKey: name) : value
    }

    private func corrupted(_ sentence: String) -> DecodingError {
        .dataCorruptedError(forKey: "schema", in: container, debugDescription: sentence)
    }
}

/// Writes the fields of a record, `null` where a value is not known, and the schema where the record has one.
struct FieldWriter {
    private var container: KeyedEncodingContainer<FieldName>

    init<Record: WireRecord>(_ encoder: any Encoder, _: Record.Type) throws {
        container = encoder.container(keyedBy: FieldName.self)
        if let schema = Record.schema { try container.encode(schema.description, forKey: "schema") }
    }

    mutating func callAsFunction<Value: Encodable>(_ name: FieldName, _ value: Value) throws {
        try container.encode(value, forKey: name)
    }
}
