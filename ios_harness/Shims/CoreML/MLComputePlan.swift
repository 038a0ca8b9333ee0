import Foundation

@available(iOS 17, macOS 14, *)
public class MLCPUComputeDevice: NSObject {}
@available(iOS 17, macOS 14, *)
public class MLGPUComputeDevice: NSObject {}
@available(iOS 17, macOS 14, *)
public class MLNeuralEngineComputeDevice: NSObject {
    public let totalCoreCount = 16
}

@available(iOS 17, macOS 14, *)
public enum MLComputeDevice {
    case cpu(MLCPUComputeDevice)
    case gpu(MLGPUComputeDevice)
    case neuralEngine(MLNeuralEngineComputeDevice)
}

@available(iOS 17.4, macOS 14.4, *)
public enum MLModelStructure {
    case neuralNetwork(NeuralNetwork)
    case program(Program)
    case pipeline(Pipeline)
    case unsupported

    public struct NeuralNetwork {}

    public struct Pipeline {
        public let subModelNames: [String]
        public let subModels: [MLModelStructure]
    }

    public struct Program {
        public let functions: [String: Function]

        public struct Function {
            public let block: Block
        }

        public struct Block {
            public let operations: [Operation]
            public let outputNames: [String]
        }

        public struct Operation {
            public let operatorName: String
            public let outputs: [NamedValueType]
            public let blocks: [Block]
            let type: String
        }

        public struct NamedValueType {
            public let name: String
        }
    }
}

@available(iOS 17.4, macOS 14.4, *)
public final class MLComputePlan {
    public struct DeviceUsage {
        public let supported: [MLComputeDevice]
        public let preferred: MLComputeDevice
    }

    public struct Cost {
        public let weight: Double
    }

    public let modelStructure: MLModelStructure
    private let simulation: Simulation
    private let units: MLComputeUnits
    private let costs: Double

    public static func load(contentsOf url: URL, configuration: MLModelConfiguration) async throws -> MLComputePlan {
        // The real one aborts the process here (coremltools#2757).
        precondition(url.pathExtension == "mlmodelc", "a compute plan is loaded from a compiled model")
        let model = try SimulatedModel.read(compiled: url)
        if let message = model.simulation.planError { throw modelError(.generic, message) }
        return MLComputePlan(model, units: configuration.computeUnits)
    }

    private init(_ model: SimulatedModel, units: MLComputeUnits) {
        simulation = model.simulation
        self.units = units
        costs = Double(max(1, model.functions.map(\.operations.count).max() ?? 1))
        switch model.simulation.structure {
        case .program:
            let functions = model.functions.map { function in (function.name, Self.function(function.operations)) }
            modelStructure = .program(.init(functions: Dictionary(uniqueKeysWithValues: functions)))
        case .neuralNetwork: modelStructure = .neuralNetwork(.init())
        case .unsupported: modelStructure = .unsupported
        }
    }

    private static func function(_ operations: [SimulatedOperation]) -> MLModelStructure.Program.Function {
        .init(block: block(operations))
    }

    private static func block(_ operations: [SimulatedOperation]) -> MLModelStructure.Program.Block {
        let all = operations.map { operation in
            // Seen on devices: every operator but constants comes with its operator set (0seba/VoxCPMANE#15).
            MLModelStructure.Program.Operation(
                operatorName: operation.type == "const" ? "const" : "ios16.\(operation.type)",
                outputs: operation.outputs.map { .init(name: $0) }, blocks: (operation.blocks ?? []).map(block),
                type: operation.type)
        }
        return .init(operations: all, outputNames: all.last?.outputs.map(\.name) ?? [])
    }

    /// Nil for constants, as with the real one, and wherever the simulation says so.
    public func deviceUsage(for operation: MLModelStructure.Program.Operation) -> DeviceUsage? {
        guard operation.type != "const", !simulation.withoutPlan.contains(operation.type) else {
            return nil
        }
        let devices = units.devices
        return DeviceUsage(supported: devices, preferred: devices[devices.count - 1])
    }

    public func estimatedCost(of operation: MLModelStructure.Program.Operation) -> Cost? {
        guard operation.type != "const", !simulation.withoutPlan.contains(operation.type) else {
            return nil
        }
        return Cost(weight: 1 / costs)
    }
}

extension MLComputeUnits {
    var devices: [MLComputeDevice] {
        switch self {
        case .cpuOnly: [.cpu(.init())]
        case .cpuAndGPU: [.cpu(.init()), .gpu(.init())]
        case .cpuAndNeuralEngine: [.cpu(.init()), .neuralEngine(.init())]
        case .all: [.cpu(.init()), .gpu(.init()), .neuralEngine(.init())]
        }
    }

    var name: String {
        switch self {
        case .cpuOnly: "cpuOnly"
        case .cpuAndGPU: "cpuAndGPU"
        case .cpuAndNeuralEngine: "cpuAndNeuralEngine"
        case .all: "all"
        }
    }
}
