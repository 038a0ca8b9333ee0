import Foundation
import Testing

@testable import BenchmarkRecords

@Suite("Pairing link")
struct PairingLinkTests {
    @Test("is read from the QR code's URL")
    func read() throws {
        let link = try PairingLink("mobiledeploy://pair?host=http://192.168.1.20:8477&token=7KQ2-M9XD")
        #expect(link.host.absoluteString == "http://192.168.1.20:8477")
        #expect(link.token == "7KQ2M9XD")
    }

    @Test("takes an escaped address, any case and no hyphen")
    func escaped() throws {
        let link = try PairingLink("mobiledeploy://pair?host=http%3A%2F%2F10.0.0.2%3A8477&token=7kq2m9xd")
        #expect(link == (try PairingLink(host: "10.0.0.2:8477", token: "7kq2-m9xd")))
    }

    @Test(
        "is refused with what is wrong",
        arguments: [
            (
                "http://192.168.1.20:8477",
                "`http://192.168.1.20:8477` is not a pairing link: it begins with mobiledeploy://pair"
            ),
            ("mobiledeploy://pair?token=7KQ2M9XD", "the pairing link has no `host`"),
            ("mobiledeploy://pair?host=http://h:1", "the pairing link has no `token`"),
            (
                "mobiledeploy://pair?host=http://h:1&token=7KQ2M9X",
                "`7KQ2M9X` is not a pairing token: eight letters and digits without I, L, O and U"
            ),
            (
                "mobiledeploy://pair?host=http://h:1&token=7KQ2M9XU",
                "`7KQ2M9XU` is not a pairing token: eight letters and digits without I, L, O and U"
            ),
            (
                "mobiledeploy://pair?host=ftp://h&token=7KQ2M9XD",
                "`ftp://h` is not the address of a host, e.g. http://192.168.1.20:8477"
            ),
            (
                "mobiledeploy://pair?host=http://&token=7KQ2M9XD",
                "`http://` is not the address of a host, e.g. http://192.168.1.20:8477"
            ),
        ])
    func refused(link: String, sentence: String) {
        #expect(throws: WireError(sentence)) { try PairingLink(link) }
    }
}
