import CoreVideo
import Foundation

public enum MLMultiArrayDataType: Int, Sendable {
    case double = 0x10040
    case float32 = 0x10020
    case float16 = 0x10010
    case int32 = 0x20020

    public static let float64 = MLMultiArrayDataType.double
    public static let float = MLMultiArrayDataType.float32

    var bytes: Int {
        switch self {
        case .double: 8
        case .float32, .int32: 4
        case .float16: 2
        }
    }
}

public class MLMultiArray: NSObject {
    public let shape: [NSNumber]
    public let strides: [NSNumber]
    public let dataType: MLMultiArrayDataType
    private let base: UnsafeMutableRawPointer
    private let byteCount: Int

    /// As Core ML does, C-contiguous.
    public convenience init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {
        self.init(shape: shape, dataType: dataType, rowPadding: 0)
    }

    /// The innermost rows are followed by `rowPadding` elements that belong to nothing, and hold 0xFF: what the Neural
    /// Engine does to outputs whose width does not suit it.
    init(shape: [NSNumber], dataType: MLMultiArrayDataType, rowPadding: Int) {
        self.shape = shape
        self.dataType = dataType
        var step = 1
        var steps: [Int] = []
        for (index, size) in shape.enumerated().reversed() {
            steps.insert(step, at: 0)
            step *= size.intValue + (index == shape.count - 1 ? rowPadding : 0)
        }
        strides = steps.map { NSNumber(value: $0) }
        byteCount = max(1, step * dataType.bytes)
        base = .allocate(byteCount: byteCount, alignment: 64)
        memset(base, rowPadding > 0 ? 0xFF : 0, byteCount)
    }

    deinit { base.deallocate() }

    public var count: Int { shape.reduce(1) { $0 * $1.intValue } }
    public var dataPointer: UnsafeMutableRawPointer { base }

    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(start: base, count: byteCount))
    }

    public func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer, [Int]) throws -> R
    ) rethrows -> R {
        try body(UnsafeMutableRawBufferPointer(start: base, count: byteCount), strides.map(\.intValue))
    }
}
