import BenchmarkRecords
import Foundation

/// An input as the model declares it. An image's shape is (height, width, 3) or (height, width).
public struct InputDescription: Equatable, Sendable {
    public var name: String
    public var dtype: TensorType
    public var shape: [Int]
    public var kind: TensorKind

    public init(name: String, dtype: TensorType, shape: [Int], kind: TensorKind) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.kind = kind
    }

    /// Reproducible values that are harmless in every type: bytes 0 to 255 for images, 0 or 1 for whole numbers, and
    /// 0 up to 1 for the rest (0.5 up to 1 in half precision).
    public var noise: Tensor {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        var data = Data(capacity: shape.reduce(dtype.bytes, *))
        for _ in 0..<shape.reduce(1, *) {
            // Numerical Recipes' linear congruential generator; the upper bits are the good ones.
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let byte = UInt8(truncatingIfNeeded: state >> 56)
            switch dtype {
            case .uint8: data.append(byte)
            case .int8: data.append(byte & 1)
            case .int32: withUnsafeBytes(of: Int32(byte & 1).littleEndian) { data.append(contentsOf: $0) }
            // Swift has no Float16 on every system. 0x3800 is 0.5, 0x3BFF just below 1: the bits between are the
            // fraction.
            case .float16:
                withUnsafeBytes(of: (0x3800 | UInt16(byte) << 2).littleEndian) { data.append(contentsOf: $0) }
            case .float32: withUnsafeBytes(of: Float(byte) / 256) { data.append(contentsOf: $0) }
            case .float64: withUnsafeBytes(of: Double(byte) / 256) { data.append(contentsOf: $0) }
            }
        }
        return Tensor(name: name, dtype: dtype, shape: shape, kind: kind, data: data)
    }
}
