import Foundation

// The part of Core Video that the harness uses, as Apple documents it, for systems that have no Core Video. Rows are
// padded to 64 bytes, as they are on devices.

public typealias CVReturn = Int32
public typealias OSType = UInt32
public typealias CFString = NSString
public typealias CFDictionary = NSDictionary
public typealias CFAllocator = NSObject

public let kCVReturnSuccess: CVReturn = 0
public let kCVReturnInvalidPixelFormat: CVReturn = -6680
public let kCVPixelFormatType_32BGRA: OSType = 0x4247_5241
public let kCVPixelFormatType_OneComponent8: OSType = 0x4C30_3038
public let kCVPixelFormatType_OneComponent16Half: OSType = 0x4C30_3068
nonisolated(unsafe) public let kCVPixelBufferIOSurfacePropertiesKey: CFString = "IOSurfaceProperties"

public struct CVPixelBufferLockFlags: OptionSet, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let readOnly = CVPixelBufferLockFlags(rawValue: 1)
}

public final class CVPixelBuffer {
    let width: Int
    let height: Int
    let format: OSType
    let bytesPerRow: Int
    let base: UnsafeMutableRawPointer
    var locks = 0

    init(width: Int, height: Int, format: OSType, bytesPerPixel: Int) {
        self.width = width
        self.height = height
        self.format = format
        bytesPerRow = (width * bytesPerPixel + 63) / 64 * 64
        base = .allocate(byteCount: max(1, bytesPerRow * height), alignment: 64)
        memset(base, 0, bytesPerRow * height)
    }

    deinit { base.deallocate() }
}

public func CVPixelBufferCreate(
    _ allocator: CFAllocator?, _ width: Int, _ height: Int, _ pixelFormatType: OSType,
    _ pixelBufferAttributes: CFDictionary?, _ pixelBufferOut: UnsafeMutablePointer<CVPixelBuffer?>
) -> CVReturn {
    let sizes = [
        kCVPixelFormatType_32BGRA: 4, kCVPixelFormatType_OneComponent8: 1, kCVPixelFormatType_OneComponent16Half: 2,
    ]
    guard let bytes = sizes[pixelFormatType] else { return kCVReturnInvalidPixelFormat }
    pixelBufferOut.pointee = CVPixelBuffer(width: width, height: height, format: pixelFormatType, bytesPerPixel: bytes)
    return kCVReturnSuccess
}

@discardableResult
public func CVPixelBufferLockBaseAddress(_ pixelBuffer: CVPixelBuffer, _ lockFlags: CVPixelBufferLockFlags) -> CVReturn
{
    pixelBuffer.locks += 1
    return kCVReturnSuccess
}

@discardableResult
public func CVPixelBufferUnlockBaseAddress(_ pixelBuffer: CVPixelBuffer, _ unlockFlags: CVPixelBufferLockFlags)
    -> CVReturn
{
    pixelBuffer.locks -= 1
    return kCVReturnSuccess
}

/// Nil while the buffer is not locked.
public func CVPixelBufferGetBaseAddress(_ pixelBuffer: CVPixelBuffer) -> UnsafeMutableRawPointer? {
    pixelBuffer.locks > 0 ? pixelBuffer.base : nil
}

public func CVPixelBufferGetBytesPerRow(_ pixelBuffer: CVPixelBuffer) -> Int { pixelBuffer.bytesPerRow }
public func CVPixelBufferGetWidth(_ pixelBuffer: CVPixelBuffer) -> Int { pixelBuffer.width }
public func CVPixelBufferGetHeight(_ pixelBuffer: CVPixelBuffer) -> Int { pixelBuffer.height }
public func CVPixelBufferGetPixelFormatType(_ pixelBuffer: CVPixelBuffer) -> OSType { pixelBuffer.format }
