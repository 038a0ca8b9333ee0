#if os(Linux)
    import BenchmarkRecords
    import Foundation
    import ModelRunner
    import Support
    import Testing

    @testable import ModelRunnerCoreML

    /// A package, compiled: what most tests begin with.
    private struct Compiled {
        let folder: TemporaryFolder
        let url: URL

        init(_ package: ModelPackage) async throws {
            folder = try TemporaryFolder()
            let source = folder.file("model.mlpackage")
            try package.write(to: source)
            url = folder.file("compiled/model.mlmodelc")
            try await ModelRunner.coreML.compile(source, url)
        }

        func load(_ units: ComputeUnits = .all, function: String? = nil) throws -> LoadedModel {
            try ModelRunner.coreML.load(LoadRequest(compiled: url, computeUnits: units, function: function))
        }

        func placements(_ units: ComputeUnits = .all, function: String? = nil) async throws -> [OperatorPlacement] {
            try await ModelRunner.coreML.placements(
                LoadRequest(compiled: url, computeUnits: units, function: function))
        }
    }

    private func floats(_ tensor: Tensor) -> [Float] {
        tensor.data.withUnsafeBytes { bytes in
            (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }

    private let image = Tensor(name: "image", dtype: .float32, shape: [1, 2, 3], data: Data(count: 24))

    @Suite("Core ML runner")
    struct CoreMLRunnerTests {
        @Test("compiles, loads and predicts")
        func whole() async throws {
            let prediction = try await Compiled(ModelPackage()).load().prepare([image])
            try prediction.run()
            let outputs = try prediction.outputs()
            #expect(outputs.map(\.name) == ["logits"])
            #expect(outputs[0].shape == [1, 4])
            #expect(floats(outputs[0]) == [0, 0.0625, 0.125, 0.1875])
        }

        @Test("leaves nothing in the framework's temporary folder")
        func moved() async throws {
            let compiled = try await Compiled(ModelPackage())
            #expect(FileManager.default.fileExists(atPath: compiled.url.path))
        }

        @Test("a package that does not compile gives Core ML's sentence and code")
        func compileError() async {
            let package = ModelPackage(simulation: #"{"compileError": "Unsupported operator foo"}"#)
            await #expect(throws: RunnerError("Unsupported operator foo", code: 0)) { try await Compiled(package) }
        }

        @Test("a folder that is no package is refused")
        func noPackage() async throws {
            let folder = try TemporaryFolder()
            await #expect(throws: RunnerError("Error reading the package at \(folder.url.path)", code: 3)) {
                try await ModelRunner.coreML.compile(folder.url, folder.file("out.mlmodelc"))
            }
        }

        @Test("a compute unit that does not load says so, the others load")
        func loadError() async throws {
            let compiled = try await Compiled(ModelPackage(simulation: #"{"loadErrors": {"cpuAndGPU": "no GPU"}}"#))
            #expect(throws: RunnerError("no GPU", code: 3)) { try compiled.load(.cpuAndGPU) }
            for units in [ComputeUnits.cpuOnly, .cpuAndNeuralEngine, .all] { _ = try compiled.load(units) }
        }

        @Test("a slow first load is slow once per path and compute unit")
        func slowFirstLoad() async throws {
            let compiled = try await Compiled(ModelPackage(simulation: #"{"firstLoadSeconds": 0.3}"#))
            func seconds(_ units: ComputeUnits) throws -> Double {
                let start = Date()
                _ = try compiled.load(units)
                return Date().timeIntervalSince(start)
            }
            #expect(try seconds(.all) >= 0.3)
            #expect(try seconds(.all) < 0.3)
            #expect(try seconds(.cpuOnly) >= 0.3)
        }

        @Test("a prediction that fails gives Core ML's sentence and code")
        func predictionError() async throws {
            let package = ModelPackage(
                simulation: #"{"predictionError": "out of memory", "predictionsBeforeError": 1}"#)
            let prediction = try await Compiled(package).load().prepare([image])
            try prediction.run()
            #expect(throws: RunnerError("out of memory", code: 0)) { try prediction.run() }
        }

        @Test("outputs with padded rows are read by their strides", arguments: [0, 1, 29])
        func paddedRows(padding: Int) async throws {
            var package = ModelPackage(simulation: #"{"rowPadding": \#(padding), "values": [1, 2, 3, 4, 5, 6]}"#)
            package.outputs = [("logits", .array([1, 2, 3], .float32))]
            let prediction = try await Compiled(package).load().prepare([image])
            try prediction.run()
            #expect(try floats(prediction.outputs()[0]) == [1, 2, 3, 4, 5, 6])
        }

        @Test(
            "outputs keep their type",
            arguments: [
                (TensorType.float16, Data([0x00, 0x3C, 0x00, 0x40])), (.int32, Data([1, 0, 0, 0, 2, 0, 0, 0])),
                (.float64, Data([0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0x40])),
            ])
        func types(type: TensorType, bytes: Data) async throws {
            var package = ModelPackage(simulation: #"{"values": [1, 2]}"#)
            package.outputs = [("y", .array([2], type))]
            let prediction = try await Compiled(package).load().prepare([image])
            try prediction.run()
            #expect(try prediction.outputs() == [Tensor(name: "y", dtype: type, shape: [2], data: bytes)])
        }

        @Test("a classifier's probabilities come in the order of its labels")
        func classifier() async throws {
            var package = ModelPackage(simulation: #"{"values": [0.5, 0.25, 0.125]}"#)
            package.labels = ["tench", "crane", "ray"]
            package.outputs = [("label", .label), ("probabilities", .probabilities)]
            let prediction = try await Compiled(package).load().prepare([image])
            try prediction.run()
            let outputs = try prediction.outputs()
            #expect(outputs.map(\.name) == ["probabilities"])
            #expect(floats(outputs[0]) == [0.5, 0.25, 0.125])
        }

        @Test("a model with state goes on from where it was")
        func state() async throws {
            var package = ModelPackage(simulation: #"{"values": [1, 2, 3]}"#)
            package.states = [("cache", .state([1, 4]))]
            package.outputs = [("y", .array([2], .float32))]
            let prediction = try await Compiled(package).load().prepare([image])
            try prediction.run()
            try prediction.run()
            #expect(try floats(prediction.outputs()[0]) == [2, 3])
        }

        @Test("a function of a package is loaded by name, an unknown one refused")
        func functions() async throws {
            var package = ModelPackage()
            package.secondFunction = ("large", "matmul")
            let compiled = try await Compiled(package)
            _ = try compiled.load(function: "large").prepare([image])
            #expect(throws: RunnerError("the model has no function named huge", code: 0)) {
                try compiled.load(function: "huge")
            }
            #expect(try await compiled.placements(function: "large").map(\.operator) == ["matmul"])
            #expect(try await compiled.placements().map(\.operator) == ["conv", "relu", "linear"])
        }

        @Test("outputs before a prediction are refused")
        func tooEarly() async throws {
            let prediction = try await Compiled(ModelPackage()).load().prepare([image])
            #expect(throws: RunnerError("no prediction was made")) { try prediction.outputs() }
        }

        @Test("devices are named as Core ML lists them")
        func devices() {
            #expect(
                ModelRunner.coreML.devices()
                    == ComputeDevices(names: ["cpu", "gpu", "neuralEngine"], neuralEngineCores: 16))
        }
    }

    @Suite("Core ML inputs")
    struct CoreMLInputTests {
        @Test(
            "that do not fit are refused in words",
            arguments: [
                (
                    Tensor(name: "x", dtype: .float32, shape: [1], data: Data(count: 4)),
                    "the model has no input named x; it has image"
                ),
                (
                    Tensor(name: "image", dtype: .float32, shape: [1, 2, 3], data: Data(count: 23)),
                    "input image of shape [1, 2, 3] has 23 bytes, not 24"
                ),
                (
                    Tensor(name: "image", dtype: .uint8, shape: [2, 3], data: Data(count: 6)),
                    "input image: Core ML takes no arrays of uint8"
                ),
                (
                    Tensor(name: "image", dtype: .uint8, shape: [1, 2, 3], kind: .image, data: Data(count: 6)),
                    "input image is no image to the model"
                ),
            ])
        func refused(tensor: Tensor, sentence: String) async throws {
            let model = try await Compiled(ModelPackage()).load()
            #expect(throws: RunnerError(sentence)) { try model.prepare([tensor]) }
        }

        @Test("an input that is missing is Core ML's error")
        func missing() async throws {
            let prediction = try await Compiled(ModelPackage()).load().prepare([])
            #expect(throws: RunnerError("Feature image is required but not specified.", code: 1)) {
                try prediction.run()
            }
        }

        @Test("an array given for an image is refused")
        func arrayForImage() async throws {
            var package = ModelPackage()
            package.inputs = [("image", .image(height: 2, width: 2, colorSpace: 20))]
            let model = try await Compiled(package).load()
            let array = Tensor(name: "image", dtype: .float32, shape: [1, 2, 3], data: Data(count: 24))
            #expect(throws: RunnerError("input image is no array to the model")) { try model.prepare([array]) }
            let gray = Tensor(name: "image", dtype: .uint8, shape: [2, 2], kind: .image, data: Data(count: 4))
            #expect(throws: RunnerError("image image has shape [2, 2] of uint8; expected uint8 (height, width, 3)")) {
                try model.prepare([gray])
            }
        }

        @Test("images go in as pixel buffers and predict", arguments: [20, 10, 40])
        func images(colorSpace: Int) async throws {
            var package = ModelPackage()
            package.inputs = [("image", .image(height: 2, width: 3, colorSpace: colorSpace))]
            let shape = colorSpace == 20 ? [2, 3, 3] : [2, 3]
            let tensor = Tensor(
                name: "image", dtype: .uint8, shape: shape, kind: .image, data: Data(count: shape.reduce(1, *)))
            let prediction = try await Compiled(package).load().prepare([tensor])
            try prediction.run()
            #expect(try prediction.outputs().count == 1)
        }

        @Test("an image output comes back as RGB", arguments: [20, 10, 40])
        func imageOutput(colorSpace: Int) async throws {
            var package = ModelPackage()
            package.outputs = [("mask", .image(height: 2, width: 2, colorSpace: colorSpace))]
            let prediction = try await Compiled(package).load().prepare([image])
            try prediction.run()
            let output = try prediction.outputs()[0]
            // The simulated buffer counts its bytes upwards, rows are 64 bytes: BGRA becomes RGB, padding is left out.
            switch colorSpace {
            case 20: #expect(Array(output.data) == [2, 1, 0, 6, 5, 4, 66, 65, 64, 70, 69, 68])
            case 10: #expect(Array(output.data) == [0, 1, 64, 65])
            default: #expect(Array(output.data) == [0, 1, 2, 3, 64, 65, 66, 67])
            }
            #expect(output.dtype == (colorSpace == 40 ? .float16 : .uint8))
            #expect(output.shape == (colorSpace == 20 ? [2, 2, 3] : [2, 2]))
        }
    }

    @Suite("Compute plan")
    struct ComputePlanTests {
        @Test("names each operator's device, what supports it, and its weight")
        func placements() async throws {
            let placements = try await Compiled(ModelPackage()).placements(.cpuAndNeuralEngine)
            #expect(placements.map(\.operator) == ["conv", "relu", "linear"])
            #expect(
                placements[0]
                    == OperatorPlacement(
                        operator: "conv", output: "conv_1", preferred: "neuralEngine",
                        supported: ["cpu", "neuralEngine"], cost: 0.25))
        }

        @Test("an operator that the plan says nothing of stays without device")
        func nilEntries() async throws {
            let package = ModelPackage(simulation: #"{"withoutPlan": ["relu"]}"#)
            let placements = try await Compiled(package).placements()
            #expect(placements[1] == OperatorPlacement(operator: "relu", output: "relu_2"))
            #expect(placements[2].preferred == "neuralEngine")
        }

        @Test("operators of inner blocks follow the one that holds them")
        func inner() async throws {
            var package = ModelPackage()
            package.operators = ["cond", "relu"]
            #expect(try await Compiled(package).placements(.cpuOnly).map(\.operator) == ["cond", "add", "relu"])
        }

        @Test("a model that is no program has none", arguments: ["neuralNetwork", "unsupported"])
        func noProgram(structure: String) async throws {
            let package = ModelPackage(simulation: #"{"structure": "\#(structure)"}"#)
            #expect(try await Compiled(package).placements().isEmpty)
        }

        @Test("a plan that cannot be made gives Core ML's sentence")
        func refused() async throws {
            let compiled = try await Compiled(ModelPackage(simulation: #"{"planError": "no plan"}"#))
            await #expect(throws: RunnerError("no plan", code: 0)) { try await compiled.placements() }
        }
    }
#endif
