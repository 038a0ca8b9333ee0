import BenchmarkRecords

extension Validity {
    /// Whether the latencies of a run may be quoted (docs/protocol.md, "A run"). `sampling`: the spans of time in which
    /// samples were taken, in nanoseconds since the start of the run: only then does the temperature count.
    public static func judged(
        plan: MeasurementPlan, device: DeviceIdentity, app: AppIdentity, conditions: [ConditionSample],
        sampling: [ClosedRange<Int>]
    ) -> Validity {
        let hottest = thermalStates(conditions, during: sampling).max() ?? .nominal
        let checks: [(broken: Bool, reason: String)] = [
            (app.configuration == .debug, "the app is a debug build"),
            (device.kind == .simulator, "the device is Xcode's simulator"),
            (device.kind == .simulated, "the device is simulated"),
            (conditions.contains(where: \.debugger), "a debugger was attached"),
            (conditions.contains(where: \.lowPower), "low power mode was on"),
            (!conditions.allSatisfy(\.foreground), "the app left the foreground"),
            (
                hottest > plan.hottest,
                "the thermal state was \(hottest.rawValue) while samples were taken; "
                    + "the plan allows \(plan.hottest.rawValue)"
            ),
        ]
        let reasons = checks.filter(\.broken).map(\.reason)
        return Validity(valid: reasons.isEmpty, reasons: reasons)
    }

    /// A state holds from its reading until the next one.
    private static func thermalStates(
        _ conditions: [ConditionSample], during sampling: [ClosedRange<Int>]
    ) -> [ThermalState] {
        conditions.enumerated().compactMap { index, sample in
            let end = index + 1 < conditions.count ? conditions[index + 1].atNs : .max
            let held = sample.atNs...max(sample.atNs, end)
            return sampling.contains { $0.overlaps(held) } ? sample.thermal : nil
        }
    }
}
