import Foundation
import Testing

@testable import BenchmarkRecords

@Suite("SHA-256")
struct SHA256Tests {
    /// NIST's examples (FIPS 180-4 test vectors), and lengths around the block's.
    @Test(
        "gives the published digests",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                String(repeating: "a", count: 1_000_000),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
            ),
        ])
    func vectors(text: String, digest: String) {
        #expect(SHA256Digest.hex(text.utf8) == digest)
    }

    @Test("does not depend on the pieces", arguments: [1, 3, 55, 56, 63, 64, 65, 200])
    func pieces(size: Int) {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var digest = SHA256Digest()
        for start in stride(from: 0, to: bytes.count, by: size) {
            digest.update(bytes[start..<min(start + size, bytes.count)])
        }
        #expect(digest.finished() == SHA256Digest.hex(bytes))
    }

    @Test("takes a sequence that is not contiguous")
    func lazily() {
        #expect(SHA256Digest.hex((0..<200).lazy.map { UInt8($0) }) == SHA256Digest.hex((0..<200).map { UInt8($0) }))
    }

    @Test("can be asked in between, and goes on")
    func inBetween() {
        var digest = SHA256Digest()
        digest.update("ab".utf8)
        #expect(digest.finished() == SHA256Digest.hex("ab".utf8))
        digest.update("c".utf8)
        #expect(digest.finished() == SHA256Digest.hex("abc".utf8))
    }
}
