/// The secrets of an environment, to be hidden wherever they turn up in text: as they are, and as JSON or a URL would
/// write them.
///
/// Instead of a list of all ways to write a secret, which has no end once ways are mixed, each byte of it may stand in the
/// text as itself, as a JSON escape (`\n`, `\/`, `\u00e9`), or as `%XX`.
public struct SecretMask: Sendable {
  /// A shorter value is no secret worth the name: to hide it would tear holes into innocent text.
  static let shortest = 8

  /// A value that is hidden, and what stands in its place.
  struct Secret: Sendable {
    let bytes: [UInt8]
    let mark: [UInt8]
  }

  let secrets: [Secret]
  /// For each byte: the secrets that begin with it.
  let begins: [[Int]]
  /// Whether one may be written from a byte on: most bytes are passed over by this alone.
  let mayBegin: [Bool]
  private let all: [Int]

  /// What a byte that is written otherwise begins with.
  private static let escapes = [UInt8(ascii: "\\"), UInt8(ascii: "%"), UInt8(ascii: "+")]

  /// The secrets that may be written from a place on.
  func candidates(in text: [UInt8], at place: Int) -> [Int] {
    let byte = text[place]
    guard Self.escapes.contains(byte) else { return begins[Int(byte)] }
    switch SecretMatch.meaning(of: text, at: place) {
    case .byte(let meant): return meant == byte ? begins[Int(byte)] : begins[Int(byte)] + begins[Int(meant)]
    case .nothing: return begins[Int(byte)]
    case .several: return all
    }
  }

  /// Hides the values of variables whose names look like secrets, and the passwords in URLs. What comes first gives its
  /// name to a value that several have.
  public init(_ variables: some Sequence<(name: String, value: String)>) {
    var secrets: [Secret] = []
    var seen: Set<[UInt8]> = []
    for variable in variables {
      for value in Self.secrets(in: variable.value, isSecret: EnvironmentRules.looksSecret(variable.name)) {
        if seen.insert(value).inserted { secrets.append(Secret(bytes: value, mark: Self.mark(variable.name))) }
      }
    }
    self.secrets = secrets
    var begins = [[Int]](repeating: [], count: secrets.isEmpty ? 0 : 256)
    for (index, secret) in secrets.enumerated() {
      begins[Int(secret.bytes[0])].append(index)
    }
    self.begins = begins
    var mayBegin = begins.map { !$0.isEmpty }
    if !secrets.isEmpty {
      for sign in Self.escapes { mayBegin[Int(sign)] = true }
    }
    self.mayBegin = mayBegin
    all = Array(secrets.indices)
  }

  /// Hides the secrets of an environment.
  public init(environment: [String: String], set: [(name: String, value: String)] = []) {
    self.init(environment.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } + set)
  }

  /// Whether there is nothing to hide.
  public var isEmpty: Bool { secrets.isEmpty }

  /// A text without the secrets in it.
  public func masked(_ text: String) -> String {
    guard !isEmpty else { return text }
    var stream = SecretStream(self)
    var masked: [UInt8] = []
    let bytes = Array(text.utf8)
    stream.feed(bytes.span.bytes, into: &masked)
    stream.finish(into: &masked)
    // Most texts have none.
    return masked == bytes ? text : String(decoding: masked, as: UTF8.self)
  }

  // MARK: - What is a secret

  /// What of a value is to be hidden: the password in it, and of a secret all of it and each of its lines, for a private key
  /// is printed line by line.
  private static func secrets(in value: String, isSecret: Bool) -> [[UInt8]] {
    let bytes = Array(value.utf8)
    guard bytes.count >= shortest else { return [] }
    let credentials = URLCredentials.find(in: bytes).filter { $0.count >= shortest }
    guard isSecret else { return credentials }
    // Where a variable can hold no line breaks, as in many a settings file, `\n` stands for one. Spaces around a line are
    // lost where somebody reads it.
    let lines = value.split(whereSeparator: \.isNewline).flatMap { $0.split(separator: "\\n") }
    let texts = lines.flatMap { [Array($0.utf8), trimmed(Array($0.utf8))] }.filter { $0.count >= shortest }
    return [bytes] + texts + credentials
  }

  private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    let start = bytes.firstIndex { $0 > 0x20 } ?? bytes.endIndex
    let end = bytes.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? start
    return Array(bytes[start..<end])
  }

  /// A name can have quotes in it, and the mark may come to stand inside JSON.
  private static func mark(_ name: String) -> [UInt8] {
    let name = name.utf8.map { byte in
      byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 || byte > 0x7e ? UInt8(ascii: "?") : byte
    }
    return Array("[masked ".utf8) + name + [UInt8(ascii: "]")]
  }
}
