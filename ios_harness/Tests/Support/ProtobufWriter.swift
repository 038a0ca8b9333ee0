import Foundation

/// Enough of protobuf's encoding to write small models.
struct ProtobufWriter {
    private(set) var data = Data()

    mutating func integer(_ number: Int, _ value: Int) {
        varint(number << 3)
        varint(value)
    }

    mutating func bytes(_ number: Int, _ value: Data) {
        varint(number << 3 | 2)
        varint(value.count)
        data.append(value)
    }

    mutating func string(_ number: Int, _ value: String) { bytes(number, Data(value.utf8)) }

    mutating func message(_ number: Int, _ fill: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        fill(&inner)
        bytes(number, inner.data)
    }

    mutating func packed(_ number: Int, _ values: [Int]) {
        var inner = ProtobufWriter()
        for value in values { inner.varint(value) }
        bytes(number, inner.data)
    }

    private mutating func varint(_ value: Int) {
        var rest = UInt64(bitPattern: Int64(value))
        while rest >= 0x80 {
            data.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        data.append(UInt8(rest))
    }
}
