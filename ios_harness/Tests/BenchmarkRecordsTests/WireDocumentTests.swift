import Foundation
import Testing

@testable import BenchmarkRecords

private func refusal<Record: WireRecord>(_: Record.Type, _ text: String) -> String? {
    do {
        _ = try WireDocument.decode(Record.self, from: Data(text.utf8))
        return nil
    } catch {
        return "\(error)"
    }
}

@Suite("Wire documents")
struct WireDocumentTests {
    @Test(
        "are refused with the field that does not fit",
        arguments: [
            (#"{"report": "r", "first": true}"#, "no `schema` field; expected mobiledeploy.receipt/1"),
            (#"{"schema": "mobiledeploy.lease/1"}"#, "schema is mobiledeploy.lease/1; expected mobiledeploy.receipt/1"),
            (
                #"{"schema": "mobiledeploy.receipt/x"}"#,
                "schema is mobiledeploy.receipt/x; expected mobiledeploy.receipt/1"
            ),
            (
                #"{"schema": "mobiledeploy.receipt/2"}"#,
                "schema mobiledeploy.receipt/2 is newer than mobiledeploy.receipt/1"
            ),
            (#"{"schema": "mobiledeploy.receipt"}"#, "schema is mobiledeploy.receipt; expected mobiledeploy.receipt/1"),
            (#"{"schema": "mobiledeploy.receipt/1", "report": "r"}"#, "field `first` is missing"),
            (#"{"schema": "mobiledeploy.receipt/1", "report": null, "first": true}"#, "field `report` is null"),
            (
                #"{"schema": "mobiledeploy.receipt/1", "report": 3, "first": true}"#,
                "field `report` is not of type String"
            ),
        ])
    func refusals(text: String, sentence: String) {
        #expect(refusal(Receipt.self, text) == sentence)
    }

    @Test("are refused where they are no JSON")
    func noJSON() throws {
        #expect(try #require(refusal(Receipt.self, "{")).contains("JSON"))
    }

    @Test("name a field inside a list by its place")
    func nested() throws {
        let text = #"{"name": "m", "files": [{"path": "a", "sha256": "b", "bytes": 1}, {"path": "a", "sha256": "b"}]}"#
        #expect(refusal(PackageContent.self, text) == "field `files[1].bytes` is missing")
    }

    @Test("a case that is not known is refused")
    func unknownCase() throws {
        let text = #"{"compute_units": "npu"}"#
        #expect(try #require(refusal(UnitRun.self, text)).hasPrefix("field `compute_units`: "))
    }

    @Test("write what is not known as null")
    func null() throws {
        let text = String(decoding: try WireDocument.encode(RunProgress(phase: .fetch)), as: UTF8.self)
        #expect(text == #"{"compute_units":null,"fraction":0,"phase":"fetch","round":null}"#)
    }

    @Test(
        "write numbers that JSON lacks by name",
        arguments: [("nan", Double.nan), ("inf", .infinity), ("-inf", -.infinity)])
    func notFinite(name: String, value: Double) throws {
        let data = try WireDocument.encode(RunProgress(phase: .rounds, fraction: value))
        #expect(String(decoding: data, as: UTF8.self).contains(#""fraction":"\#(name)""#))
        let back = try WireDocument.decode(RunProgress.self, from: data).fraction
        #expect(value.isNaN ? back.isNaN : back == value)
    }

    @Test("a plan without fields is the usual plan")
    func defaults() throws {
        #expect(try WireDocument.decode(MeasurementPlan.self, from: Data("{}".utf8)) == MeasurementPlan())
    }

    @Test("a field that may be left out is refused where it is wrong")
    func wrongThoughOptional() {
        #expect(refusal(MeasurementPlan.self, #"{"rounds": "many"}"#) == "field `rounds` is not of type Int")
        #expect(refusal(MeasurementPlan.self, #"{"rounds": null}"#) == "field `rounds` is null")
    }

    @Test("a schema inside another record is not asked for")
    func inside() throws {
        var document = try #require(
            JSONSerialization.jsonObject(with: WireDocument.encode(example)) as? [String: Any])
        var device = try #require(document["device"] as? [String: Any])
        device["schema"] = nil
        document["device"] = device
        let data = try JSONSerialization.data(withJSONObject: document)
        #expect(try WireDocument.decode(PairingRequest.self, from: data) == example)
    }

    @Test("a code of problem that is not known is kept")
    func unknownCode() throws {
        let text = #"{"schema":"mobiledeploy.problem/1","status":418,"code":"teapot","message":"m","remedy":"r"}"#
        #expect(try WireDocument.decode(Problem.self, from: Data(text.utf8)).code.rawValue == "teapot")
    }

    private let example = PairingRequest(
        token: "7KQ2M9XD",
        device: DeviceIdentity(
            kind: .phone, hardware: "iPhone13,2", name: "p", system: "iOS", systemVersion: "18.1", build: "22B83",
            processors: 6, memoryBytes: 1),
        app: AppIdentity(version: "1", commit: "unknown", configuration: .release))
}

@Suite("Package content")
struct PackageContentTests {
    /// Worked by the definition in docs/protocol.md with `sha256sum`.
    @Test("identity is the digest over one line per file")
    func identity() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        let content = PackageContent(name: "m.mlpackage", files: [PackageFile(path: "a/b", sha256: empty, bytes: 0)])
        #expect(content.identity == SHA256Digest.hex("\(empty) 0 a/b\n".utf8))
        #expect(PackageContent(name: "m", files: []).identity == empty)
    }
}

@Suite("Thermal states")
struct ThermalStateTests {
    @Test("are ordered from cool to hot")
    func order() {
        #expect(ThermalState.allCases.sorted() == [.nominal, .fair, .serious, .critical])
        #expect(ThermalState.critical > .fair)
    }
}
