import BenchmarkRecords
import Foundation

/// A small `.mlpackage` with an ML Program's interface and operators, for the stand-in for Core ML.
public struct ModelPackage: Sendable {
    public enum Feature: Sendable {
        case array([Int], TensorType)
        case image(height: Int, width: Int, colorSpace: Int)
        case label
        case probabilities
        case state([Int])
        case wholeNumber
        case number
    }

    public var inputs: [(name: String, feature: Feature)] = [("image", .array([1, 2, 3], .float32))]
    public var outputs: [(name: String, feature: Feature)] = [("logits", .array([1, 4], .float32))]
    public var states: [(name: String, feature: Feature)] = []
    public var operators = ["const", "conv", "relu", "linear"]
    public var labels: [String] = []
    /// A second function with the same interface and one operator of this name.
    public var secondFunction: (name: String, operatorName: String)?
    /// `simulation.json`.
    public var simulation: String?

    public init() {}

    public init(simulation: String) { self.simulation = simulation }

    /// The files by path, in the order of their paths.
    public var files: [(path: String, data: Data)] {
        let manifest = #"""
            {"fileFormatVersion": "1.0.0", "rootModelIdentifier": "M",
             "itemInfoEntries": {"M": {"path": "com.apple.CoreML/model.mlmodel", "name": "model.mlmodel"}}}
            """#
        var files = [("Data/com.apple.CoreML/model.mlmodel", model), ("Manifest.json", Data(manifest.utf8))]
        if let simulation { files.append(("simulation.json", Data(simulation.utf8))) }
        return files
    }

    public func write(to folder: URL) throws {
        for file in files {
            let place = folder.appendingPathComponent(file.path)
            try FileManager.default.createDirectory(
                at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
            try file.data.write(to: place)
        }
    }

    public func content(name: String = "model.mlpackage") -> PackageContent {
        PackageContent(
            name: name,
            files: files.map { PackageFile(path: $0.path, sha256: SHA256Digest.hex($0.data), bytes: $0.data.count) })
    }

    private var model: Data {
        var writer = ProtobufWriter()
        writer.integer(1, 9)
        writer.message(2) { description in
            if let secondFunction {
                for name in ["main", secondFunction.name] {
                    description.message(20) { function in
                        function.string(1, name)
                        interface(&function, inputs: 2, outputs: 3, states: 6)
                    }
                }
                description.string(21, "main")
            } else {
                interface(&description, inputs: 1, outputs: 10, states: 13)
                if !labels.isEmpty { description.string(12, "probabilities") }
            }
        }
        writer.message(502) { program in
            function("main", operators, in: &program)
            if let secondFunction { function(secondFunction.name, [secondFunction.operatorName], in: &program) }
        }
        return writer.data
    }

    private func interface(_ writer: inout ProtobufWriter, inputs: Int, outputs: Int, states: Int) {
        for (number, features) in [(inputs, self.inputs), (outputs, self.outputs), (states, self.states)] {
            for (name, feature) in features {
                writer.message(number) { message in
                    message.string(1, name)
                    message.message(3) { write(feature, to: &$0) }
                }
            }
        }
    }

    private func write(_ feature: Feature, to type: inout ProtobufWriter) {
        func array(_ shape: [Int], _ dtype: TensorType, _ message: inout ProtobufWriter) {
            let codes: [TensorType: Int] = [
                .float16: 65552, .float32: 65568, .float64: 65600, .int32: 131104, .int8: 131080,
            ]
            message.packed(1, shape)
            message.integer(2, codes[dtype] ?? 65568)
        }
        switch feature {
        case .array(let shape, let dtype): type.message(5) { array(shape, dtype, &$0) }
        case .image(let height, let width, let colorSpace):
            type.message(4) {
                $0.integer(1, width)
                $0.integer(2, height)
                $0.integer(3, colorSpace)
            }
        case .label: type.message(3) { _ in }
        case .wholeNumber: type.message(1) { _ in }
        case .number: type.message(2) { _ in }
        case .probabilities: type.message(6) { _ in }
        case .state(let shape): type.message(8) { $0.message(1) { array(shape, .float16, &$0) } }
        }
    }

    private func function(_ name: String, _ operators: [String], in program: inout ProtobufWriter) {
        program.message(2) { entry in
            entry.string(1, name)
            entry.message(2) { function in
                function.message(3) { specialization in
                    specialization.string(1, "CoreML9")
                    specialization.message(2) { block in
                        for (index, name) in operators.enumerated() { write(name, index, to: &block) }
                        if !labels.isEmpty { writeClassify(to: &block) }
                    }
                }
            }
        }
    }

    private func write(_ name: String, _ index: Int, to block: inout ProtobufWriter) {
        block.message(3) { operation in
            operation.string(1, name)
            operation.message(3) { $0.string(1, "\(name)_\(index)") }
            if name == "cond" { operation.message(4) { write("add", 0, to: &$0) } }
        }
    }

    /// As coremltools writes it: the classes are a list of strings in the operator's argument.
    private func writeClassify(to block: inout ProtobufWriter) {
        block.message(3) { operation in
            operation.string(1, "classify")
            operation.message(2) { input in
                input.string(1, "classes")
                input.message(2) { argument in
                    argument.message(1) { binding in binding.message(2) { value in writeList(labels, to: &value) } }
                }
            }
        }
    }

    private func writeList(_ strings: [String], to value: inout ProtobufWriter) {
        value.message(3) { immediate in
            immediate.message(3) { list in
                for string in strings {
                    list.message(1) { item in
                        item.message(3) { $0.message(1) { $0.message(4) { $0.string(1, string) } } }
                    }
                }
            }
        }
    }
}
