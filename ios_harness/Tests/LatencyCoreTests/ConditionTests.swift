import BenchmarkRecords
import Foundation
import Testing

@testable import LatencyCore

private func condition(
    _ seconds: Double, thermal: ThermalState = .nominal, lowPower: Bool = false, foreground: Bool = true,
    debugger: Bool = false, footprint: Int? = nil
) -> ConditionSample {
    ConditionSample(
        atNs: Int(seconds * 1e9), thermal: thermal, lowPower: lowPower, foreground: foreground, debugger: debugger,
        footprintBytes: footprint)
}

private let phone = DeviceIdentity(
    kind: .phone, hardware: "iPhone13,2", name: "p", system: "iOS", systemVersion: "18.1", build: "22B83",
    processors: 6, memoryBytes: 4 << 30)
private let release = AppIdentity(version: "1", commit: "c", configuration: .release)

@Suite("Condition log")
struct ConditionLogTests {
    @Test("keeps the first, changes, and one a second")
    func keeps() {
        var log = ConditionLog()
        let kept = [
            log.take(condition(0)), log.take(condition(0.25, footprint: 5)), log.take(condition(0.5, thermal: .fair)),
            log.take(condition(1.25, thermal: .fair)), log.take(condition(1.5, thermal: .fair)),
            log.take(condition(1.75, thermal: .fair, foreground: false)),
        ]
        #expect(kept == [true, false, true, false, true, true])
        #expect(log.samples.map(\.atNs) == [0, 500_000_000, 1_500_000_000, 1_750_000_000])
    }

    @Test("keeps the last one when told to")
    func always() {
        var log = ConditionLog()
        let kept = [log.take(condition(0)), log.take(condition(0.1), always: true)]
        #expect(kept == [true, true])
    }
}

@Suite("Validity")
struct ValidityTests {
    private func judged(
        device: DeviceIdentity = phone, app: AppIdentity = release, _ conditions: [ConditionSample],
        sampling: [ClosedRange<Int>] = [1_000_000_000...2_000_000_000]
    ) -> [String] {
        let validity = Validity.judged(
            plan: MeasurementPlan(), device: device, app: app, conditions: conditions, sampling: sampling)
        #expect(validity.valid == validity.reasons.isEmpty)
        return validity.reasons
    }

    @Test("a phone that stayed cool and in the foreground is valid")
    func valid() {
        #expect(judged([condition(0), condition(1.5, thermal: .fair), condition(3)]).isEmpty)
    }

    @Test(
        "a broken condition is named",
        arguments: [
            (condition(0, lowPower: true), "low power mode was on"),
            (condition(0, foreground: false), "the app left the foreground"),
            (condition(0, debugger: true), "a debugger was attached"),
            (
                condition(1.5, thermal: .serious),
                "the thermal state was serious while samples were taken; the plan allows fair"
            ),
        ])
    func broken(condition: ConditionSample, reason: String) {
        #expect(judged([condition]) == [reason])
    }

    @Test("heat before and after the samples does not count")
    func heatOutside() {
        #expect(judged([condition(0, thermal: .critical), condition(0.9), condition(2.5, thermal: .serious)]).isEmpty)
    }

    @Test("the hottest state while samples were taken is named")
    func hottest() {
        let states: [ThermalState] = [.fair, .critical, .serious, .nominal]
        let readings = states.enumerated().map { condition(1.1 + Double($0) / 10, thermal: $1) }
        #expect(judged(readings) == ["the thermal state was critical while samples were taken; the plan allows fair"])
    }

    @Test("the last reading holds until the end")
    func lastReading() {
        #expect(judged([condition(0), condition(0.5, thermal: .serious)]).count == 1)
    }

    @Test("heat holds until the next reading")
    func heatHolds() {
        #expect(judged([condition(0, thermal: .critical), condition(5)]).count == 1)
    }

    @Test("neither a simulator nor a simulated phone nor a debug build is valid")
    func kinds() {
        var device = phone
        device.kind = .simulator
        #expect(judged(device: device, []) == ["the device is Xcode's simulator"])
        device.kind = .simulated
        var app = release
        app.configuration = .debug
        #expect(judged(device: device, app: app, []) == ["the app is a debug build", "the device is simulated"])
    }
}

@Suite("Measuring thread")
struct MeasuringThreadTests {
    private actor Measurement {
        private let thread = MeasuringThread(name: "measuring", quality: .userInteractive)
        nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

        func threadIdentity() -> String { currentThread() }
        func afterWaiting() async -> (String, String) {
            let before = currentThread()
            try? await Task.sleep(nanoseconds: 1_000_000)
            return (before, currentThread())
        }
        func end() { thread.end() }
    }

    @Test("runs everything of its actor, also after it waited")
    func oneThread() async {
        let measurement = Measurement()
        let first = await measurement.threadIdentity()
        let (before, after) = await measurement.afterWaiting()
        #expect(first == before)
        #expect(first == after)
        await measurement.end()
    }
}

private func currentThread() -> String {
    "\(pthread_self())"
}
