import Foundation
import Testing

@testable import BenchmarkRecords

/// Every record that travels alone, and how to take its document through our types and back.
private let travelling: [String: @Sendable (Data) throws -> Data] = [
    "mobiledeploy.device": { try again(DeviceIdentity.self, $0) },
    "mobiledeploy.app": { try again(AppIdentity.self, $0) },
    "mobiledeploy.job": { try again(Job.self, $0) },
    "mobiledeploy.benchmark": { try again(BenchmarkReport.self, $0) },
    "mobiledeploy.pairing-request": { try again(PairingRequest.self, $0) },
    "mobiledeploy.pairing-answer": { try again(PairingAnswer.self, $0) },
    "mobiledeploy.lease": { try again(Lease.self, $0) },
    "mobiledeploy.heartbeat": { try again(Heartbeat.self, $0) },
    "mobiledeploy.heartbeat-answer": { try again(HeartbeatAnswer.self, $0) },
    "mobiledeploy.release": { try again(Release.self, $0) },
    "mobiledeploy.receipt": { try again(Receipt.self, $0) },
    "mobiledeploy.problem": { try again(Problem.self, $0) },
]

/// Records that never reach a phone.
private let ofTheHost: Set<String> = []

private func again<Record: WireRecord>(_: Record.Type, _ data: Data) throws -> Data {
    try WireDocument.encode(WireDocument.decode(Record.self, from: data))
}

private let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("tests/golden")

private func goldens() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasSuffix(".json") }.sorted()
}

private func document(_ name: String) throws -> (data: Data, object: NSDictionary, schema: String) {
    let data = try Data(contentsOf: folder.appendingPathComponent(name))
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? NSDictionary)
    let schema = try #require(object["schema"] as? String)
    return (data, object, String(schema.split(separator: "/")[0]))
}

@Suite("Golden documents")
struct GoldenTests {
    @Test("decode, and encode to the same document", arguments: goldens())
    func roundTrip(name: String) throws {
        let golden = try document(name)
        if ofTheHost.contains(golden.schema) { return }
        let convert = try #require(travelling[golden.schema], "no Swift record for \(golden.schema)")
        let encoded = try convert(golden.data)
        var expected = golden.object
        if name.hasSuffix("-sparse.json") {
            expected = try document(name.replacingOccurrences(of: "-sparse", with: "-minimal")).object
        }
        #expect(try JSONSerialization.jsonObject(with: encoded) as? NSDictionary == expected)
    }

    @Test("exist for every record of the protocol")
    func complete() throws {
        let found = try Set(goldens().map { try document($0).schema })
        #expect(Set(travelling.keys).subtracting(found).isEmpty)
    }

    @Test("fields that are not known are ignored", arguments: goldens())
    func unknownFields(name: String) throws {
        let golden = try document(name)
        guard let convert = travelling[golden.schema] else { return }
        var more = try #require(try JSONSerialization.jsonObject(with: golden.data) as? [String: Any])
        more["of_a_later_version"] = ["anything": 1]
        let encoded = try convert(JSONSerialization.data(withJSONObject: more))
        #expect(encoded == (try convert(golden.data)))
    }

    @Test("a newer version is refused by name", arguments: travelling.keys.sorted())
    func newer(schema: String) throws {
        let data = Data(#"{"schema": "\#(schema)/99"}"#.utf8)
        #expect(throws: WireError("schema \(schema)/99 is newer than \(schema)/1")) { try travelling[schema]!(data) }
    }
}
