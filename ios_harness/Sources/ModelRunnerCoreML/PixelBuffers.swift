import BenchmarkRecords
import CoreVideo
import Foundation
import ModelRunner

/// Pixels between the wire's form, (height, width, 3) in RGB order or (height, width), and Core Video's.
enum PixelBuffers {
    static func buffer(of tensor: Tensor, format: OSType) throws -> CVPixelBuffer {
        let channels = format == kCVPixelFormatType_32BGRA ? 3 : 1
        guard tensor.dtype == .uint8, tensor.shape.count == (channels == 3 ? 3 : 2),
            tensor.shape.dropFirst(2) == (channels == 3 ? [3] : [])
        else {
            throw RunnerError(
                "image \(tensor.name) has shape \(tensor.shape) of \(tensor.dtype.rawValue); expected uint8 "
                    + (channels == 3 ? "(height, width, 3)" : "(height, width)"))
        }
        let (height, width) = (tensor.shape[0], tensor.shape[1])
        let buffer = try create(width: width, height: height, format: format)
        try locked(buffer, []) { base, rowBytes in
            tensor.data.withUnsafeBytes { pixels in
                for y in 0..<height {
                    write(pixels, row: y, width: width, format: format, to: base + y * rowBytes)
                }
            }
        }
        return buffer
    }

    static func tensor(of buffer: CVPixelBuffer, name: String) throws -> Tensor {
        let (width, height) = (CVPixelBufferGetWidth(buffer), CVPixelBufferGetHeight(buffer))
        let format = CVPixelBufferGetPixelFormatType(buffer)
        guard let (type, channels) = forms[format] else {
            throw RunnerError("output \(name) is an image of pixel format \(format), which is not known")
        }
        var data = Data(capacity: width * height * channels * type.bytes)
        try locked(buffer, .readOnly) { base, rowBytes in
            for y in 0..<height {
                let row = UnsafeRawBufferPointer(start: base + y * rowBytes, count: rowBytes)
                if channels == 1 {
                    data.append(contentsOf: row[..<(width * type.bytes)])
                } else {
                    for x in 0..<width { data.append(contentsOf: [row[4 * x + 2], row[4 * x + 1], row[4 * x]]) }
                }
            }
        }
        let shape = channels == 3 ? [height, width, 3] : [height, width]
        return Tensor(name: name, dtype: type, shape: shape, kind: type == .uint8 ? .image : .multiarray, data: data)
    }

    private static let forms: [OSType: (TensorType, channels: Int)] = [
        kCVPixelFormatType_32BGRA: (.uint8, 3),
        kCVPixelFormatType_OneComponent8: (.uint8, 1),
        kCVPixelFormatType_OneComponent16Half: (.float16, 1),
    ]

    private static func write(
        _ pixels: UnsafeRawBufferPointer, row: Int, width: Int, format: OSType, to place: UnsafeMutableRawPointer
    ) {
        let target = place.assumingMemoryBound(to: UInt8.self)
        for x in 0..<width {
            switch format {
            case kCVPixelFormatType_32BGRA:
                let source = 3 * (row * width + x)
                target[4 * x] = pixels[source + 2]
                target[4 * x + 1] = pixels[source + 1]
                target[4 * x + 2] = pixels[source]
                target[4 * x + 3] = 255
            case kCVPixelFormatType_OneComponent16Half:
                place.storeBytes(of: halves[Int(pixels[row * width + x])], toByteOffset: 2 * x, as: UInt16.self)
            default:
                target[x] = pixels[row * width + x]
            }
        }
    }

    /// 0 to 255 as IEEE 754 binary16, which holds them exactly.
    private static let halves: [UInt16] = (0..<256).map { value in
        guard value > 0 else { return 0 }
        let exponent = Int.bitWidth - 1 - value.leadingZeroBitCount
        return UInt16((exponent + 15) << 10 | (value << (10 - exponent)) & 0x3FF)
    }

    /// Backed by an IOSurface, so that GPU and Neural Engine read it where it is.
    private static func create(width: Int, height: Int, format: OSType) throws -> CVPixelBuffer {
        let attributes = NSDictionary(
            object: NSDictionary(), forKey: kCVPixelBufferIOSurfacePropertiesKey as NSString)
        var buffer: CVPixelBuffer?
        let status = CVPixelBufferCreate(nil, width, height, format, attributes as CFDictionary, &buffer)
        guard status == kCVReturnSuccess, let buffer else {
            throw RunnerError("no pixel buffer of \(width)x\(height) in format \(format)", code: Int(status))
        }
        return buffer
    }

    private static func locked(
        _ buffer: CVPixelBuffer, _ flags: CVPixelBufferLockFlags,
        _ body: (_ base: UnsafeMutableRawPointer, _ bytesPerRow: Int) -> Void
    ) throws {
        CVPixelBufferLockBaseAddress(buffer, flags)
        defer { CVPixelBufferUnlockBaseAddress(buffer, flags) }
        guard let base = CVPixelBufferGetBaseAddress(buffer) else { throw RunnerError("a pixel buffer has no memory") }
        body(base, CVPixelBufferGetBytesPerRow(buffer))
    }
}
