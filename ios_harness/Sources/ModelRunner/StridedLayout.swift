import Foundation

/// An array whose elements stand `strides` apart, counted in elements. The Neural Engine pads rows of its outputs:
/// bytes that are read straight through are then not the values.
public struct StridedLayout: Equatable, Sendable {
    public let shape: [Int]
    public let strides: [Int]

    public init(shape: [Int], strides: [Int]) {
        self.shape = shape
        self.strides = strides
    }

    /// How many innermost axes lie without gaps, and how many elements they hold.
    private var contiguous: (axes: Int, elements: Int) {
        var (axes, elements) = (0, 1)
        for (size, stride) in zip(shape, strides).reversed() {
            guard stride == elements || size == 1 else { break }
            axes += 1
            elements *= size
        }
        return (axes, elements)
    }

    /// The bytes in C order.
    public func gathered(from base: UnsafeRawPointer, elementBytes: Int) -> Data {
        var data = Data(count: shape.reduce(elementBytes, *))
        data.withUnsafeMutableBytes { bytes in
            guard let target = bytes.baseAddress else { return }
            forEachRun { place, run, elements in
                memcpy(target + run * elements * elementBytes, base + place * elementBytes, elements * elementBytes)
            }
        }
        return data
    }

    /// Bytes in C order to their places.
    public func scatter(_ data: Data, into base: UnsafeMutableRawPointer, elementBytes: Int) {
        data.withUnsafeBytes { bytes in
            guard let source = bytes.baseAddress else { return }
            forEachRun { place, run, elements in
                memcpy(base + place * elementBytes, source + run * elements * elementBytes, elements * elementBytes)
            }
        }
    }

    /// Calls `body` with the place of each gapless run, its number, and how many elements it holds.
    private func forEachRun(_ body: (_ place: Int, _ run: Int, _ elements: Int) -> Void) {
        let (axes, elements) = contiguous
        let outer = shape.count - axes
        var index = [Int](repeating: 0, count: outer)
        for run in 0..<shape[..<outer].reduce(1, *) {
            body(zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }, run, elements)
            for axis in stride(from: outer - 1, through: 0, by: -1) {
                index[axis] += 1
                if index[axis] < shape[axis] { break }
                index[axis] = 0
            }
        }
    }
}
