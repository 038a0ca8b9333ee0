/// One file of a package. `path`: relative to the package, with forward slashes. `sha256`: hexadecimal.
public struct PackageFile: WireRecord {
    public var path: String
    public var sha256: String
    public var bytes: Int

    public init(path: String, sha256: String, bytes: Int) {
        self.path = path
        self.sha256 = sha256
        self.bytes = bytes
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(path: try field("path"), sha256: try field("sha256"), bytes: try field("bytes"))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("path", path)
        try field("sha256", sha256)
        try field("bytes", bytes)
    }
}

/// A package folder by content. `files`: sorted by path (by Unicode code points). `name`: with its suffix.
public struct PackageContent: WireRecord {
    public var name: String
    public var files: [PackageFile]

    public init(name: String, files: [PackageFile]) {
        self.name = name
        self.files = files
    }

    /// SHA-256 over one line per file, `SHA256 SPACE BYTES SPACE PATH LF`, in the order of `files`.
    public var identity: String {
        var digest = SHA256Digest()
        for file in files { digest.update("\(file.sha256) \(file.bytes) \(file.path)\n".utf8) }
        return digest.finished()
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(name: try field("name"), files: try field("files"))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("name", name)
        try field("files", files)
    }
}

/// NumPy's names.
public enum TensorType: String, Codable, Sendable, CaseIterable {
    case float16, float32, float64, int32, int8, uint8

    public var bytes: Int {
        switch self {
        case .int8, .uint8: 1
        case .float16: 2
        case .float32, .int32: 4
        case .float64: 8
        }
    }
}

public enum TensorKind: String, Codable, Sendable, CaseIterable {
    case multiarray, image
}

/// One array by content: `bytes` bytes, C-contiguous, little-endian. An image is uint8 pixels (height, width, 3) in RGB
/// order or (height, width), to be given to the model as a pixel buffer.
public struct TensorContent: WireRecord {
    public var name: String
    public var dtype: TensorType
    public var shape: [Int]
    public var sha256: String
    public var bytes: Int
    public var kind: TensorKind

    public init(
        name: String, dtype: TensorType, shape: [Int], sha256: String, bytes: Int, kind: TensorKind = .multiarray
    ) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.sha256 = sha256
        self.bytes = bytes
        self.kind = kind
    }

    public init(from decoder: any Decoder) throws {
        let field = try FieldReader(decoder, Self.self)
        self.init(
            name: try field("name"), dtype: try field("dtype"), shape: try field("shape"), sha256: try field("sha256"),
            bytes: try field("bytes"), kind: try field("kind", default: .multiarray))
    }

    public func encode(to encoder: any Encoder) throws {
        var field = try FieldWriter(encoder, Self.self)
        try field("name", name)
        try field("dtype", dtype)
        try field("shape", shape)
        try field("sha256", sha256)
        try field("bytes", bytes)
        try field("kind", kind)
    }
}
