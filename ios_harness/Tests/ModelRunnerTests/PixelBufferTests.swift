import BenchmarkRecords
import CoreVideo
import Foundation
import ModelRunner
import Testing

@testable import ModelRunnerCoreML

@Suite("Pixel buffers")
struct PixelBufferTests {
    @Test("colour goes in and comes out in RGB order, past padded rows")
    func colour() throws {
        let tensor = Tensor(
            name: "x", dtype: .uint8, shape: [2, 3, 3], kind: .image, data: Data((0..<18).map { UInt8($0) }))
        let buffer = try PixelBuffers.buffer(of: tensor, format: kCVPixelFormatType_32BGRA)
        CVPixelBufferLockBaseAddress(buffer, .readOnly)
        let base = try #require(CVPixelBufferGetBaseAddress(buffer)).assumingMemoryBound(to: UInt8.self)
        #expect((0..<4).map { base[$0] } == [2, 1, 0, 255])
        let second = CVPixelBufferGetBytesPerRow(buffer)
        #expect((0..<4).map { base[second + $0] } == [11, 10, 9, 255])
        CVPixelBufferUnlockBaseAddress(buffer, .readOnly)
        #expect(try PixelBuffers.tensor(of: buffer, name: "x") == tensor)
    }

    @Test("gray stays as it is")
    func gray() throws {
        let tensor = Tensor(name: "x", dtype: .uint8, shape: [2, 2], kind: .image, data: Data([1, 2, 3, 255]))
        let buffer = try PixelBuffers.buffer(of: tensor, format: kCVPixelFormatType_OneComponent8)
        #expect(try PixelBuffers.tensor(of: buffer, name: "x") == tensor)
    }

    /// 0, 1, 2, 3, 128 and 255 as IEEE 754 binary16, from its definition.
    @Test("gray for a half-precision image is converted exactly")
    func half() throws {
        let tensor = Tensor(name: "x", dtype: .uint8, shape: [1, 6], kind: .image, data: Data([0, 1, 2, 3, 128, 255]))
        let buffer = try PixelBuffers.buffer(of: tensor, format: kCVPixelFormatType_OneComponent16Half)
        let bits: [UInt16] = [0, 0x3C00, 0x4000, 0x4200, 0x5800, 0x5BF8]
        #expect(try PixelBuffers.tensor(of: buffer, name: "x").data == bits.withUnsafeBytes { Data($0) })
    }

    @Test("a format that Core Video refuses is named")
    func unknownFormat() {
        let tensor = Tensor(name: "x", dtype: .uint8, shape: [1, 1], kind: .image, data: Data([0]))
        #expect(throws: RunnerError("no pixel buffer of 1x1 in format 7", code: -6680)) {
            try PixelBuffers.buffer(of: tensor, format: 7)
        }
    }
}

@Suite("Strided layout")
struct StridedLayoutTests {
    private func gathered(_ shape: [Int], _ strides: [Int]) -> [UInt8] {
        let bytes = (0..<64).map { UInt8($0) }
        return bytes.withUnsafeBytes {
            Array(StridedLayout(shape: shape, strides: strides).gathered(from: $0.baseAddress!, elementBytes: 1))
        }
    }

    @Test("reads values in C order, whatever the strides")
    func gather() {
        #expect(gathered([2, 3], [3, 1]) == [0, 1, 2, 3, 4, 5])
        #expect(gathered([2, 3], [8, 1]) == [0, 1, 2, 8, 9, 10])
        #expect(gathered([2, 3], [1, 2]) == [0, 2, 4, 1, 3, 5])
        #expect(gathered([2, 2, 2], [32, 8, 1]) == [0, 1, 8, 9, 32, 33, 40, 41])
        #expect(gathered([1, 2, 1], [40, 8, 8]) == [0, 8])
    }

    @Test("takes a scalar and an empty array")
    func edges() {
        #expect(gathered([], []) == [0])
        #expect(gathered([0, 3], [3, 1]).isEmpty)
        #expect(gathered([3, 0], [4, 1]).isEmpty)
    }

    @Test("scattering and gathering give the same back, and leave gaps alone")
    func scatter() {
        let layout = StridedLayout(shape: [2, 3], strides: [5, 1])
        var memory = [UInt16](repeating: 0xFFFF, count: 10)
        let values: [UInt16] = [1, 2, 3, 4, 5, 6]
        let data = values.withUnsafeBytes { Data($0) }
        memory.withUnsafeMutableBytes { layout.scatter(data, into: $0.baseAddress!, elementBytes: 2) }
        #expect(memory == [1, 2, 3, 0xFFFF, 0xFFFF, 4, 5, 6, 0xFFFF, 0xFFFF])
        #expect(memory.withUnsafeBytes { layout.gathered(from: $0.baseAddress!, elementBytes: 2) } == data)
    }
}
