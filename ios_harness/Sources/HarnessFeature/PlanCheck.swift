import BenchmarkRecords

extension Job {
    /// Why this job cannot be run, nil where it can. A host's mistake must not exhaust the phone.
    var refusal: String? {
        let checks: [(holds: Bool, reason: String)] = [
            (!samples.isEmpty, "the job has no inputs"),
            (!plan.computeUnits.isEmpty, "the plan names no compute unit"),
            (Set(plan.computeUnits).count == plan.computeUnits.count, "the plan names a compute unit twice"),
            ((0...10_000).contains(plan.rounds), "the plan asks for \(plan.rounds) rounds; 0 to 10000 can be made"),
            (
                (1...1_000_000).contains(plan.iterations),
                "the plan asks for \(plan.iterations) iterations a round; 1 to 1000000 can be made"
            ),
            (
                (0...1_000_000).contains(plan.warmUp),
                "the plan asks for \(plan.warmUp) warm-up predictions; 0 to 1000000 can be made"
            ),
            (
                (0...100).contains(plan.coldLoads),
                "the plan asks for \(plan.coldLoads) cold loads; 0 to 100 can be made"
            ),
            (
                [plan.coolDownSeconds, plan.timeLimitSeconds, plan.minimumSeconds].allSatisfy { $0 >= 0 && $0 < 1e6 },
                "a time of the plan is not between 0 and a million seconds"
            ),
        ]
        return checks.first { !$0.holds }?.reason
    }
}
