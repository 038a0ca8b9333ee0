import Foundation

/// Reads the few fields of Core ML's model format (coremltools, Model.proto, MIL.proto, FeatureTypes.proto) that a
/// simulated model needs.
enum Specification {
    static func functions(of model: Data) -> [SimulatedFunction] {
        let message = Message(model)
        guard let description = message.message(2) else { return [] }
        var operations: [String: [SimulatedOperation]] = [:]
        for entry in message.message(502)?.messages(2) ?? [] {
            if let name = entry.string(1), let function = entry.message(2) { operations[name] = body(function) }
        }
        let declared = description.messages(20)
        guard !declared.isEmpty else {
            let labels = description.string(12).map { _ in self.labels(in: message) }
            return [
                function(
                    "main", description, fields: (1, 10, 13), operations: operations["main"] ?? [], labels: labels)
            ]
        }
        let usual = description.string(21)
        return declared.compactMap { item in
            item.string(1).map { function($0, item, fields: (2, 3, 6), operations: operations[$0] ?? [], labels: nil) }
        }.sorted { $0.name == usual && $1.name != usual }
    }

    private static func function(
        _ name: String, _ message: Message, fields: (input: Int, output: Int, state: Int),
        operations: [SimulatedOperation], labels: [String]?
    ) -> SimulatedFunction {
        SimulatedFunction(
            name: name, inputs: message.messages(fields.input).map(feature),
            outputs: message.messages(fields.output).map(feature), states: message.messages(fields.state).map(feature),
            operations: operations, classLabels: labels)
    }

    /// A function's one block: Core ML writes a block per operator set, of which a package holds one.
    private static func body(_ function: Message) -> [SimulatedOperation] {
        (function.messages(3).first?.message(2)).map(block) ?? []
    }

    private static func block(_ message: Message) -> [SimulatedOperation] {
        message.messages(3).map { operation in
            SimulatedOperation(
                type: operation.string(1) ?? "", outputs: operation.messages(3).compactMap { $0.string(1) },
                blocks: operation.messages(4).map(block))
        }
    }

    private static func feature(_ message: Message) -> SimulatedFeature {
        let type = message.message(3)
        var feature = SimulatedFeature(name: message.string(1) ?? "", kind: .multiarray)
        feature.optional = type?.integer(1000) == 1
        if let array = type?.message(5) {
            feature.shape = array.integers(1)
            feature.dataType = array.integer(2) ?? feature.dataType
        } else if let image = type?.message(4) {
            feature.shape = [image.integer(2) ?? 0, image.integer(1) ?? 0]
            feature.kind = [10: .grayscale, 40: .grayscaleHalf][image.integer(3) ?? 20] ?? .image
        } else if let state = type?.message(8)?.message(1) {
            feature.shape = state.integers(1)
            feature.dataType = state.integer(2) ?? feature.dataType
        } else if type?.message(6) != nil {
            feature.kind = .dictionary
        } else {
            feature.kind = type?.message(1) != nil ? .int64 : type?.message(2) != nil ? .double : .string
        }
        return feature
    }

    /// The labels are an argument of the program's `classify` operator, written there or in a constant.
    private static func labels(in model: Message) -> [String] {
        let functions = (model.message(502)?.messages(2) ?? []).compactMap { $0.message(2) }
        let operations = functions.flatMap { $0.messages(3).first?.message(2)?.messages(3) ?? [] }
        guard let classify = operations.first(where: { $0.string(1) == "classify" }),
            let binding = classify.messages(2).first(where: { $0.string(1) == "classes" })?.message(2)?.message(1)
        else { return [] }
        if let value = binding.message(2) { return strings(of: value) }
        let constant = operations.first { $0.messages(3).contains { $0.string(1) == binding.string(1) } }
        let value = constant?.messages(5).first { $0.string(1) == "val" }?.message(2)
        return value.map(strings) ?? []
    }

    /// Of a value that is a list of strings, or a tensor of them.
    private static func strings(of value: Message) -> [String] {
        guard let immediate = value.message(3) else { return [] }
        if let list = immediate.message(3) { return list.messages(1).flatMap(strings) }
        return immediate.message(1)?.message(4)?.strings(1) ?? []
    }
}

/// The fields of one protobuf message, by number (protobuf.dev, "Encoding").
struct Message {
    private enum Field {
        case integer(Int)
        case bytes(Data)
    }

    private var fields: [Int: [Field]] = [:]

    /// Reads as far as `data` is a message.
    init(_ data: Data) {
        var reader = data[...]
        while let key = Self.varint(&reader) {
            let number = key >> 3
            switch key & 7 {
            case 0:
                guard let value = Self.varint(&reader) else { return }
                fields[number, default: []].append(.integer(value))
            case 1: reader = reader.dropFirst(8)
            case 2:
                guard let count = Self.varint(&reader), count >= 0, count <= reader.count else { return }
                fields[number, default: []].append(.bytes(Data(reader.prefix(count))))
                reader = reader.dropFirst(count)
            case 5: reader = reader.dropFirst(4)
            default: return
            }
        }
    }

    private static func varint(_ reader: inout Data.SubSequence) -> Int? {
        var (value, shift) = (UInt64(0), UInt64(0))
        while let byte = reader.popFirst(), shift < 64 {
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return Int(truncatingIfNeeded: value) }
            shift += 7
        }
        return nil
    }

    func messages(_ number: Int) -> [Message] { bytes(number).map(Message.init) }
    func message(_ number: Int) -> Message? { messages(number).last }
    func strings(_ number: Int) -> [String] { bytes(number).map { String(decoding: $0, as: UTF8.self) } }
    func string(_ number: Int) -> String? { strings(number).last }

    func integer(_ number: Int) -> Int? {
        if case .integer(let value)? = fields[number]?.last { value } else { nil }
    }

    /// Packed or not.
    func integers(_ number: Int) -> [Int] {
        (fields[number] ?? []).flatMap { field -> [Int] in
            switch field {
            case .integer(let value): return [value]
            case .bytes(let data):
                var (reader, values) = (data[...], [Int]())
                while let value = Self.varint(&reader) { values.append(value) }
                return values
            }
        }
    }

    private func bytes(_ number: Int) -> [Data] {
        (fields[number] ?? []).compactMap { if case .bytes(let data) = $0 { data } else { nil } }
    }
}
