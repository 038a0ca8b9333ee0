import BenchmarkRecords
import Testing

@testable import LatencyCore

/// Plays the order to its end; `failing` units fail in the round given.
private func turns(
    _ plan: MeasurementPlan, roundNs: Int = 1, failing: [ComputeUnits: Int] = [:]
) -> [String] {
    var order = RoundOrder(plan: plan)
    var played: [String] = []
    // An order without end is one that is far too long.
    while played.count < 100, let turn = order.next() {
        played.append("\(turn.unit.rawValue) \(turn.round)")
        if failing[turn.unit] == turn.round {
            order.failed(turn.unit)
        } else {
            order.finished(turn, timedNs: roundNs)
        }
    }
    return played
}

private func plan(_ units: [ComputeUnits], rounds: Int, minimumSeconds: Double = 0) -> MeasurementPlan {
    var plan = MeasurementPlan()
    (plan.computeUnits, plan.rounds, plan.minimumSeconds) = (units, rounds, minimumSeconds)
    return plan
}

@Suite("Order of rounds")
struct RoundOrderTests {
    @Test("compute units take turns")
    func interleaved() {
        #expect(
            turns(plan([.all, .cpuOnly], rounds: 3)) == [
                "all 1", "cpuOnly 1", "all 2", "cpuOnly 2", "all 3", "cpuOnly 3",
            ])
    }

    @Test("a unit that failed drops out, the others go on")
    func failing() {
        let played = turns(plan([.cpuOnly, .cpuAndGPU, .all], rounds: 3), failing: [.cpuAndGPU: 2])
        #expect(
            played == [
                "cpuOnly 1", "cpuAndGPU 1", "all 1", "cpuOnly 2", "cpuAndGPU 2", "all 2", "cpuOnly 3", "all 3",
            ])
    }

    @Test("a unit that failed after its round has no other")
    func failedBetween() {
        var order = RoundOrder(plan: plan([.cpuOnly, .all], rounds: 2))
        order.finished(order.next()!, timedNs: 1)
        order.failed(.cpuOnly)
        var played: [RoundOrder.Turn] = []
        while played.count < 10, let turn = order.next() {
            played.append(turn)
            order.finished(turn, timedNs: 1)
        }
        #expect(played == [RoundOrder.Turn(unit: .all, round: 1), RoundOrder.Turn(unit: .all, round: 2)])
    }

    @Test("a unit that failed before its first round has none")
    func neverStarted() {
        var order = RoundOrder(plan: plan([.cpuOnly, .all], rounds: 1))
        order.failed(.cpuOnly)
        #expect(order.next() == RoundOrder.Turn(unit: .all, round: 1))
    }

    @Test("rounds are added until the least time is reached")
    func minimumSeconds() {
        #expect(
            turns(plan([.all], rounds: 1, minimumSeconds: 2.5), roundNs: 1_000_000_000) == ["all 1", "all 2", "all 3"])
    }

    @Test("a least time that the rounds reach adds none")
    func reached() {
        #expect(turns(plan([.all], rounds: 2, minimumSeconds: 1), roundNs: 1_000_000_000).count == 2)
    }

    @Test("rounds that take no time do not go on for ever")
    func noProgress() {
        #expect(turns(plan([.all], rounds: 2, minimumSeconds: 1), roundNs: 0).count == 2)
    }

    @Test("a faster unit gets more rounds than a slower one")
    func unequal() {
        var order = RoundOrder(plan: plan([.cpuOnly, .all], rounds: 1, minimumSeconds: 2))
        var rounds: [ComputeUnits: Int] = [:]
        while rounds[.all, default: 0] < 100, let turn = order.next() {
            rounds[turn.unit, default: 0] += 1
            order.finished(turn, timedNs: turn.unit == .all ? 500_000_000 : 2_000_000_000)
        }
        #expect(rounds == [.cpuOnly: 1, .all: 4])
    }

    @Test("a plan without rounds or units has no turn")
    func empty() {
        #expect(turns(plan([.all], rounds: 0)).isEmpty)
        #expect(turns(plan([], rounds: 3)).isEmpty)
    }
}
