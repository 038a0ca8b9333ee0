import BenchmarkRecords
import CoreML
import Foundation
import ModelRunner

/// What Core ML tells of its devices.
enum CoreMLDevices {
    static func available() -> ComputeDevices {
        guard #available(iOS 17, macOS 14, *) else { return ComputeDevices() }
        let devices = MLModel.availableComputeDevices
        let cores = devices.compactMap { device -> Int? in
            if case .neuralEngine(let engine) = device { engine.totalCoreCount } else { nil }
        }
        return ComputeDevices(names: devices.map(name), neuralEngineCores: cores.first)
    }

    @available(iOS 17, macOS 14, *)
    static func name(_ device: MLComputeDevice) -> String {
        switch device {
        case .cpu: "cpu"
        case .gpu: "gpu"
        case .neuralEngine: "neuralEngine"
        @unknown default: "unknown"
        }
    }
}

/// The compute plan of an ML Program, operator by operator, those of inner blocks after the one that holds them.
@available(iOS 17.4, macOS 14.4, *)
enum CoreMLPlan {
    static func placements(_ request: LoadRequest) async throws -> [OperatorPlacement] {
        let plan = try await MLComputePlan.load(
            contentsOf: request.compiled, configuration: ModelRunner.configuration(request))
        guard case .program(let program) = plan.modelStructure else { return [] }
        let function = request.function.flatMap { program.functions[$0] } ?? program.functions["main"]
        return placements(in: (function ?? program.functions.values.first)?.block, of: plan)
    }

    /// The plan puts the operator set in front, as in "ios16.conv"; the package and its tools say "conv".
    static func operatorType(_ name: String) -> String {
        let parts = name.split(separator: ".", maxSplits: 1)
        guard parts.count == 2, parts[0].hasPrefix("ios"), parts[0].dropFirst(3).allSatisfy(\.isNumber) else {
            return name
        }
        return String(parts[1])
    }

    /// Constants are no work: they are left out, as Core ML says nothing of them.
    private static func placements(
        in block: MLModelStructure.Program.Block?, of plan: MLComputePlan
    ) -> [OperatorPlacement] {
        (block?.operations ?? []).flatMap { operation -> [OperatorPlacement] in
            let type = operatorType(operation.operatorName)
            if type == "const" { return [] }
            let usage = plan.deviceUsage(for: operation)
            let own = OperatorPlacement(
                operator: type, output: operation.outputs.first?.name ?? "",
                preferred: usage.map { CoreMLDevices.name($0.preferred) },
                supported: usage?.supported.map(CoreMLDevices.name) ?? [],
                cost: plan.estimatedCost(of: operation)?.weight)
            return [own] + operation.blocks.flatMap { placements(in: $0, of: plan) }
        }
    }
}
