// What the sampler itself costs: nanoseconds per sample and allocations inside the timed region, with a prediction that
// does nothing. `swift run -c release sampler-cost`; ends with status 1 above the bars.

import CountedAllocation
import Foundation
import LatencyCore

let samples = 1_000_000
let rounds = 5

/// As a loaded model is: a closure that the compiler cannot see through.
@inline(never)
func prediction() -> () throws -> Void { {} }

/// Medians over the rounds. `clock`: as in a run, not known when this is compiled.
@inline(never)
func measured(_ clock: some MonotonicClock) throws -> (nsPerSample: Double, allocations: Int) {
    let buffer = SampleBuffer(capacity: samples)
    let sampler = Sampler(clock: clock, origin: clock.now())
    let predict = prediction()
    // Swift makes the types' descriptions once, at their first use.
    try sampler.sample(1, into: buffer, predict)
    var costs: [Double] = []
    var allocations = 0
    for _ in 0..<rounds {
        buffer.clear()
        let allocated = counted_allocations()
        let start = clock.now()
        try sampler.sample(samples, into: buffer, predict)
        let end = clock.now()
        allocations += counted_allocations() - allocated
        costs.append(Double(end - start) / Double(samples))
    }
    return (costs.sorted()[rounds / 2], allocations)
}

let clock: any MonotonicClock = SystemClock()
let cost = try measured(clock)
let counted = counted_allocations() >= 0
let quality = ClockQuality.measured(clock)
print("ns per sample: \(cost.nsPerSample) (median of \(rounds) x \(samples); bar 1000)")
print("allocations inside the timed region: \(counted ? "\(cost.allocations)" : "not counted on this system") (bar 0)")
print("clock \(clock.name): resolution \(quality.resolutionNs) ns, empty timed region \(quality.overheadNs) ns")
#if DEBUG
    print("a debug build: its cost is not the app's")
#endif
if cost.nsPerSample >= 1000 || (counted && cost.allocations > 0) { exit(1) }
