#if os(Linux)
    import BenchmarkRecords
    import CoreML
    import Foundation
    import ModelRunner
    import Support
    import Testing

    @testable import ModelRunnerCoreML

    private let image = Tensor(name: "image", dtype: .float32, shape: [1, 2, 3], data: Data(count: 24))

    /// What one prediction of a model with these outputs gave, and what was left out of it.
    private func answers(
        _ outputs: [(name: String, feature: ModelPackage.Feature)], values: String, labels: [String] = [],
        rowPadding: Int = 0
    ) async throws -> (tensors: [Tensor], leftOut: [String]) {
        var package = ModelPackage(simulation: #"{"values": \#(values), "rowPadding": \#(rowPadding)}"#)
        (package.outputs, package.labels) = (outputs, labels)
        let folder = try TemporaryFolder()
        try package.write(to: folder.file("model.mlpackage"))
        let compiled = folder.file("model.mlmodelc")
        try await ModelRunner.coreML.compile(folder.file("model.mlpackage"), compiled)
        let model = try ModelRunner.coreML.load(LoadRequest(compiled: compiled, computeUnits: .all))
        let prediction = try model.prepare([image])
        try prediction.run()
        let tensors = try prediction.outputs()
        // Asked once more, the same is left out, and not twice.
        #expect(try prediction.outputs() == tensors)
        return (tensors, prediction.leftOut())
    }

    private func little<Number: FixedWidthInteger>(_ numbers: [Number]) -> Data {
        numbers.map(\.littleEndian).withUnsafeBytes { Data($0) }
    }

    @Suite("Kinds of outputs")
    struct OutputKindTests {
        @Test("whole numbers come as they are, negative ones and those of padded rows too", arguments: [0, 5])
        func wholeNumbers(padding: Int) async throws {
            let values = "[7, -1, 0, 2147483647, -2147483648, 999]"
            let answer = try await answers(
                [("classes", .array([1, 2, 3], .int32))], values: values, rowPadding: padding)
            let data = little([7, -1, 0, Int32.max, Int32.min, 999])
            #expect(answer.tensors == [Tensor(name: "classes", dtype: .int32, shape: [1, 2, 3], data: data)])
            #expect(answer.leftOut.isEmpty)
        }

        @Test("bytes come as they are")
        func bytes() async throws {
            let answer = try await answers([("codes", .array([4], .int8))], values: "[7, -1, 127, -128]")
            let data = little([7, -1, Int8.max, Int8.min])
            #expect(answer.tensors == [Tensor(name: "codes", dtype: .int8, shape: [4], data: data)])
        }

        @Test("a single number is an array of one")
        func singleNumbers() async throws {
            let answer = try await answers([("count", .wholeNumber), ("score", .number)], values: "[-3]")
            let score = withUnsafeBytes(of: -3.0) { Data($0) }
            #expect(
                answer.tensors == [
                    Tensor(name: "count", dtype: .int32, shape: [1], data: little([Int32(-3)])),
                    Tensor(name: "score", dtype: .float64, shape: [1], data: score),
                ])
            #expect(answer.leftOut.isEmpty)
        }

        @Test("a whole number beyond 32 bits is left out, and named")
        func tooLarge() async throws {
            let answer = try await answers([("count", .wholeNumber), ("score", .number)], values: "[2147483648]")
            #expect(answer.tensors.map(\.name) == ["score"])
            #expect(answer.leftOut == ["count (int64)"])
        }

        @Test("a classifier's label is left out, and named; its probabilities come")
        func label() async throws {
            let outputs: [(name: String, feature: ModelPackage.Feature)] = [("label", .label), ("p", .probabilities)]
            let answer = try await answers(outputs, values: "[0.5, 0.25]", labels: ["tench", "crane"])
            #expect(answer.tensors.map(\.name) == ["p"])
            #expect(answer.leftOut == ["label (string)"])
        }

        @Test("a dictionary of a model without labels is left out, and named")
        func dictionary() async throws {
            let answer = try await answers([("p", .probabilities), ("y", .array([1], .float32))], values: "[1]")
            #expect(answer.tensors.map(\.name) == ["y"])
            #expect(answer.leftOut == ["p (dictionary)"])
        }

        /// Apple's documentation of `withUnsafeMutableBytes`: the strides "may be different from `strides`'s value
        /// prior to this method invocation".
        @Test("an array that moves to another layout when it is written holds what was given")
        func moved() async throws {
            let folder = try TemporaryFolder()
            try ModelPackage().write(to: folder.file("model.mlpackage"))
            let compiled = try await MLModel.compileModel(at: folder.file("model.mlpackage"))
            let model = try MLModel(contentsOf: compiled, configuration: MLModelConfiguration())
            let description = try #require(model.modelDescription.inputDescriptionsByName["image"])
            let tensor = Tensor(
                name: "image", dtype: .float32, shape: [1, 2, 3], data: Data((0..<24).map { UInt8($0) }))
            let value = try CoreMLValues.feature(of: tensor, for: description)
            #expect(value.multiArrayValue?.strides.map(\.intValue) == [12, 6, 1])
            #expect(try CoreMLValues.tensor(of: value, name: "image", labels: nil) == tensor)
        }

        @Test("bytes go into a model that takes them, and into no other")
        func byteInputs() async throws {
            func prepare(_ declared: TensorType) async throws -> LoadedModel {
                var package = ModelPackage()
                package.inputs = [("codes", .array([2], declared))]
                let folder = try TemporaryFolder()
                try package.write(to: folder.file("model.mlpackage"))
                try await ModelRunner.coreML.compile(folder.file("model.mlpackage"), folder.file("model.mlmodelc"))
                return try ModelRunner.coreML.load(
                    LoadRequest(compiled: folder.file("model.mlmodelc"), computeUnits: .all))
            }
            let codes = Tensor(name: "codes", dtype: .int8, shape: [2], data: Data([1, 0xFF]))
            let model = try await prepare(.int8)
            #expect(model.inputs == [InputDescription(name: "codes", dtype: .int8, shape: [2], kind: .multiarray)])
            try model.prepare([codes]).run()
            let other = try await prepare(.float32)
            #expect(throws: RunnerError("input codes: Core ML takes no arrays of int8")) { try other.prepare([codes]) }
        }

        @Test(
            "an operator's type is named without its operator set",
            arguments: [
                ("ios16.conv", "conv"), ("ios18.scaled_dot_product_attention", "scaled_dot_product_attention"),
                ("const", "const"), ("relu", "relu"), ("other.conv", "other.conv"), ("iosx.conv", "iosx.conv"),
            ])
        func operatorType(given: String, type: String) {
            #expect(CoreMLPlan.operatorType(given) == type)
        }
    }
#endif
