import BenchmarkRecords
import DeviceState
import Foundation
import HostClient

/// A host that this device is paired with, kept between starts.
public struct PairedHost: Codable, Equatable, Sendable {
    public var host: URL
    public var deviceID: String
    public var secret: String
    public var heartbeatSeconds: Double

    public init(host: URL, deviceID: String, secret: String, heartbeatSeconds: Double) {
        self.host = host
        self.deviceID = deviceID
        self.secret = secret
        self.heartbeatSeconds = heartbeatSeconds
    }

    /// Pairs with the host of `link`, and keeps it in `workspace`. `client`: of that host, without a secret.
    public static func pair(
        _ link: PairingLink, client: HostClient, environment: HarnessEnvironment
    ) async throws -> PairedHost {
        let answer = try await client.pair(
            PairingRequest(token: link.token, device: environment.identity, app: environment.device.app()))
        guard PairingRequest.spoken.contains(answer.protocol) else {
            throw WireError("the host speaks version \(answer.protocol) of the protocol: update the app")
        }
        let paired = PairedHost(
            host: link.host, deviceID: answer.deviceID, secret: answer.secret,
            heartbeatSeconds: answer.heartbeatSeconds)
        try paired.save(in: environment.workspace)
        return paired
    }

    /// Nil where this device was never paired.
    public static func saved(in workspace: Workspace) -> PairedHost? {
        guard let data = try? Data(contentsOf: workspace.pairing) else { return nil }
        return try? JSONDecoder().decode(PairedHost.self, from: data)
    }

    private func save(in workspace: Workspace) throws {
        try FileManager.default.createDirectory(at: workspace.root, withIntermediateDirectories: true)
        try JSONEncoder().encode(self).write(to: workspace.pairing, options: .atomic)
        // The secret is nobody else's.
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: workspace.pairing.path)
    }
}
