import CoreVideo
import Foundation

public enum MLMultiArrayDataType: Int, Sendable {
    case double = 0x10040
    case float32 = 0x10020
    case float16 = 0x10010
    case int32 = 0x20020
    case int8 = 0x20008

    public static let float64 = MLMultiArrayDataType.double
    public static let float = MLMultiArrayDataType.float32

    var bytes: Int {
        switch self {
        case .double: 8
        case .float32, .int32: 4
        case .float16: 2
        case .int8: 1
        }
    }
}

public class MLMultiArray: NSObject {
    public let shape: [NSNumber]
    public private(set) var strides: [NSNumber]
    public let dataType: MLMultiArrayDataType
    private var base: UnsafeMutableRawPointer
    private var byteCount: Int
    private var movesWhenWritten = false

    /// As Core ML does, C-contiguous, but not for good: the first to write it finds it in memory of another layout, as
    /// `withUnsafeMutableBytes` reserves to itself.
    public convenience init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {
        self.init(shape: shape, dataType: dataType, rowPadding: 0)
        movesWhenWritten = true
    }

    /// The innermost rows are followed by `rowPadding` elements that belong to nothing, and hold 0xFF: what the Neural
    /// Engine does to outputs whose width does not suit it.
    init(shape: [NSNumber], dataType: MLMultiArrayDataType, rowPadding: Int) {
        self.shape = shape
        self.dataType = dataType
        (base, byteCount, strides) = Self.memory(shape, dataType, rowPadding: rowPadding)
    }

    private static func memory(
        _ shape: [NSNumber], _ dataType: MLMultiArrayDataType, rowPadding: Int
    ) -> (UnsafeMutableRawPointer, byteCount: Int, strides: [NSNumber]) {
        var step = 1
        var steps: [Int] = []
        for (index, size) in shape.enumerated().reversed() {
            steps.insert(step, at: 0)
            step *= size.intValue + (index == shape.count - 1 ? rowPadding : 0)
        }
        let byteCount = max(1, step * dataType.bytes)
        let base = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        memset(base, rowPadding > 0 ? 0xFF : 0, byteCount)
        return (base, byteCount, steps.map { NSNumber(value: $0) })
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
        if movesWhenWritten {
            base.deallocate()
            (base, byteCount, strides) = Self.memory(shape, dataType, rowPadding: 3)
            movesWhenWritten = false
        }
        return try body(UnsafeMutableRawBufferPointer(start: base, count: byteCount), strides.map(\.intValue))
    }
}
