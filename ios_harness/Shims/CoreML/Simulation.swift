import CoreVideo
import Foundation

/// How the stand-in for Core ML behaves with one package: `simulation.json` in its root, the
/// file that the environment variable `MOBILEDEPLOY_SIMULATION` names without it, the values below without both.
///
/// Not part of Apple's API. Fields that are missing take the values below.
public struct Simulation: Codable, Sendable {
    public enum Structure: String, Codable, Sendable {
        case program, neuralNetwork, unsupported
    }

    public enum Step: String, Codable, Sendable {
        case compile, load, prediction
    }

    public var compileSeconds = 0.0
    /// Of the first load from a path, per compute unit.
    public var firstLoadSeconds = 0.0
    public var loadSeconds = 0.0
    public var predictionSeconds = 0.0
    public var compileError: String?
    /// By name of the compute unit.
    public var loadErrors: [String: String]?
    public var predictionError: String?
    public var predictionsBeforeError = 0
    public var planError: String?
    public var structure = Structure.program
    /// Operators of which the compute plan says nothing.
    public var withoutPlan: [String] = []
    /// Elements after each innermost row of an output array.
    public var rowPadding = 0
    /// What each element of an output is, in order and again from the start; without it, 0, 1/16, 2/16 … 15/16.
    public var values: [Double]?
    /// The process is killed at this step, as iOS does when memory runs out; with `killUnits` only on that compute
    /// unit.
    public var kill: Step?
    public var killUnits: String?

    public init() {}

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        func read<Value: Decodable>(_ key: CodingKeys, into value: inout Value) throws {
            if fields.contains(key) { value = try fields.decode(Value.self, forKey: key) }
        }
        try read(.compileSeconds, into: &compileSeconds)
        try read(.firstLoadSeconds, into: &firstLoadSeconds)
        try read(.loadSeconds, into: &loadSeconds)
        try read(.predictionSeconds, into: &predictionSeconds)
        try read(.compileError, into: &compileError)
        try read(.loadErrors, into: &loadErrors)
        try read(.predictionError, into: &predictionError)
        try read(.predictionsBeforeError, into: &predictionsBeforeError)
        try read(.planError, into: &planError)
        try read(.structure, into: &structure)
        try read(.withoutPlan, into: &withoutPlan)
        try read(.rowPadding, into: &rowPadding)
        try read(.values, into: &values)
        try read(.kill, into: &kill)
        try read(.killUnits, into: &killUnits)
    }

    func wait(_ seconds: Double) async {
        if seconds > 0 { try? await Task.sleep(nanoseconds: UInt64(seconds * 1e9)) }
    }

    func waitBlocking(_ seconds: Double) {
        if seconds > 0 { usleep(UInt32(seconds * 1e6)) }
    }

    func killIfAsked(at step: Step, units: MLComputeUnits? = nil) {
        guard kill == step, killUnits == nil || killUnits == units?.name else { return }
        Foundation.kill(getpid(), SIGKILL)
    }
}

/// The outputs of a simulated prediction.
struct SimulatedAnswer {
    private let rowPadding: Int
    private let values: [Double]
    private let offset: Int

    init(simulation: Simulation, offset: Int) {
        rowPadding = simulation.rowPadding
        values = simulation.values.flatMap { $0.isEmpty ? nil : $0 } ?? (0..<16).map { Double($0) / 16 }
        self.offset = offset
    }

    private func element(_ index: Int) -> Double { values[(index + offset) % values.count] }

    func value(of feature: SimulatedFeature, labels: [String]) throws -> MLFeatureValue {
        switch feature.kind {
        case .multiarray: return MLFeatureValue(multiArray: array(feature))
        case .image, .grayscale, .grayscaleHalf: return MLFeatureValue(pixelBuffer: image(feature))
        case .string: return MLFeatureValue(string: labels.first ?? "")
        case .int64: return MLFeatureValue(int64: Int64(element(0)))
        case .double: return MLFeatureValue(double: element(0))
        case .dictionary:
            let pairs = labels.enumerated().map { (AnyHashable($1), NSNumber(value: element($0))) }
            return try MLFeatureValue(dictionary: Dictionary(pairs, uniquingKeysWith: { first, _ in first }))
        }
    }

    private func array(_ feature: SimulatedFeature) -> MLMultiArray {
        let type = MLMultiArrayDataType(rawValue: feature.dataType) ?? .float32
        let shape = feature.shape.map { NSNumber(value: $0) }
        let array = MLMultiArray(shape: shape, dataType: type, rowPadding: rowPadding)
        array.withUnsafeMutableBytes { bytes, strides in
            for index in 0..<array.count {
                var (rest, place) = (index, 0)
                for (size, stride) in zip(feature.shape, strides).reversed() {
                    place += rest % size * stride
                    rest /= size
                }
                store(element(index), at: bytes.baseAddress! + place * type.bytes, as: type)
            }
        }
        return array
    }

    private func store(_ value: Double, at place: UnsafeMutableRawPointer, as type: MLMultiArrayDataType) {
        switch type {
        case .double: place.storeBytes(of: value, as: Double.self)
        case .float32: place.storeBytes(of: Float(value), as: Float.self)
        case .int32: place.storeBytes(of: Int32(value), as: Int32.self)
        case .int8: place.storeBytes(of: Int8(value), as: Int8.self)
        case .float16: place.storeBytes(of: halfBits(Float(value)), as: UInt16.self)
        }
    }

    private func image(_ feature: SimulatedFeature) -> CVPixelBuffer {
        var created: CVPixelBuffer?
        _ = CVPixelBufferCreate(nil, feature.shape[1], feature.shape[0], feature.pixelFormat, nil, &created)
        let buffer = created!
        CVPixelBufferLockBaseAddress(buffer, [])
        let base = CVPixelBufferGetBaseAddress(buffer)!
        let bytes = CVPixelBufferGetBytesPerRow(buffer) * feature.shape[0]
        for index in 0..<bytes {
            base.storeBytes(of: UInt8(truncatingIfNeeded: index), toByteOffset: index, as: UInt8.self)
        }
        CVPixelBufferUnlockBaseAddress(buffer, [])
        return buffer
    }
}

/// IEEE 754 binary16 of a value that is normal there, or zero; Swift has no Float16 on x86 Macs, and none is needed
/// here.
func halfBits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(bits >> 16) & 0x8000
    let exponent = Int(bits >> 23 & 0xFF) - 127 + 15
    if exponent <= 0 { return sign }
    if exponent >= 31 { return sign | 0x7C00 }
    return sign | UInt16(exponent) << 10 | UInt16(bits >> 13 & 0x3FF)
}
