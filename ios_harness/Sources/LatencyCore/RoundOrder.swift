import BenchmarkRecords

/// Which compute unit has its turn, and its how many-th: round 1 of each in the order of the plan, then round 2 of
/// each, and so on. A unit that has its rounds goes on until its timed durations reach the plan's least time; one that
/// failed drops out, and the others are not kept waiting.
public struct RoundOrder {
    public struct Turn: Equatable, Sendable {
        public let unit: ComputeUnits
        /// From 1.
        public let round: Int

        public init(unit: ComputeUnits, round: Int) {
            self.unit = unit
            self.round = round
        }
    }

    private let plan: MeasurementPlan
    private var round = 1
    private var waiting: [ComputeUnits]
    private var nextRound: [ComputeUnits] = []
    private var timedNs: [ComputeUnits: Int] = [:]

    public init(plan: MeasurementPlan) {
        self.plan = plan
        waiting = plan.computeUnits
    }

    /// Nil when every unit is done. The turn before it must have been `finished` or `failed`.
    public mutating func next() -> Turn? {
        if waiting.isEmpty {
            (waiting, nextRound) = (nextRound, [])
            round += 1
        }
        guard let unit = waiting.first, needsAnother(unit) else { return nil }
        return Turn(unit: unit, round: round)
    }

    /// `timedNs`: the sum of the durations of this round. One without any progress would go on for ever: it is the
    /// last.
    public mutating func finished(_ turn: Turn, timedNs: Int) {
        self.timedNs[turn.unit, default: 0] += timedNs
        waiting.removeAll { $0 == turn.unit }
        round += 1
        if needsAnother(turn.unit), timedNs > 0 || round <= plan.rounds { nextRound.append(turn.unit) }
        round -= 1
    }

    public mutating func failed(_ unit: ComputeUnits) {
        waiting.removeAll { $0 == unit }
        nextRound.removeAll { $0 == unit }
    }

    /// Whether `unit` takes part in `round`.
    private func needsAnother(_ unit: ComputeUnits) -> Bool {
        round <= plan.rounds || Double(timedNs[unit, default: 0]) < plan.minimumSeconds * 1e9
    }
}
