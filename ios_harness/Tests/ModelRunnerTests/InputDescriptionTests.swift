import BenchmarkRecords
import Foundation
import ModelRunner
import Testing

@Suite("Inputs that are made up")
struct InputDescriptionTests {
    @Test("have many values of their type, always the same", arguments: TensorType.allCases)
    func noise(type: TensorType) {
        let input = InputDescription(name: "x", dtype: type, shape: [4, 64], kind: .multiarray)
        let tensor = input.noise
        #expect(tensor == input.noise)
        #expect(tensor.data.count == 256 * type.bytes)
        let values = stride(from: 0, to: tensor.data.count, by: type.bytes).map {
            tensor.data[$0..<($0 + type.bytes)]
        }
        #expect(Set(values).count >= (type == .int32 || type == .int8 ? 2 : 100))
    }
}
