import Foundation

/// What the QR code holds: `mobiledeploy://pair?host=http://192.168.1.20:8477&token=7KQ2-M9XD`.
public struct PairingLink: Equatable, Sendable {
    public let host: URL
    /// Eight characters of Crockford's base 32, upper case, without the hyphen.
    public let token: String

    /// Throws `WireError` where the address is none that a phone can reach over HTTP, or the token is none.
    public init(host: String, token: String) throws {
        let address = host.contains("://") ? host : "http://" + host
        guard let url = URL(string: address), url.scheme == "http" || url.scheme == "https",
            let name = url.host, !name.isEmpty
        else { throw WireError("`\(host)` is not the address of a host, e.g. http://192.168.1.20:8477") }
        let plain = token.uppercased().filter { $0 != "-" && !$0.isWhitespace }
        guard plain.count == 8, plain.allSatisfy(Self.alphabet.contains) else {
            throw WireError("`\(token)` is not a pairing token: eight letters and digits without I, L, O and U")
        }
        self.host = url
        self.token = plain
    }

    public init(_ link: String) throws {
        guard let parts = URLComponents(string: link), parts.scheme == "mobiledeploy", parts.host == "pair" else {
            throw WireError("`\(link)` is not a pairing link: it begins with mobiledeploy://pair")
        }
        func value(_ name: String) throws -> String {
            guard let value = parts.queryItems?.first(where: { $0.name == name })?.value, !value.isEmpty else {
                throw WireError("the pairing link has no `\(name)`")
            }
            return value
        }
        try self.init(host: value("host"), token: value("token"))
    }

    private static let alphabet = Set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
}
