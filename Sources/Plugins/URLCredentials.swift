/// What is secret in the URLs of a value: `scheme://user:password@host`, as proxies and databases are given, and
/// `https://TOKEN@host`, as package indexes are.
enum URLCredentials {
  /// A shorter name before the `@`, or one without a digit, is a user's.
  private static let shortestToken = 16
  private static let separator = Array("://".utf8)

  /// The passwords and tokens, as they are written and as what they stand for.
  static func find(in value: [UInt8]) -> [[UInt8]] {
    var found: [[UInt8]] = []
    var rest = value[...]
    while let start = rest.indices.first(where: { rest[$0...].starts(with: separator) }) {
      rest = rest[(start + separator.count)...]
      // One URL may follow another.
      let url = rest.prefix { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "'") }
      if let secret = secret(in: url) { found += [Array(secret), unescaped(secret)] }
    }
    return found
  }

  private static func secret(in url: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let host = url.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    // A password may hold a slash that nobody has escaped.
    let authority = host.contains(UInt8(ascii: "@")) || !host.contains(UInt8(ascii: ":")) ? host : url
    guard let end = authority.lastIndex(of: UInt8(ascii: "@")) else { return nil }
    let user = authority[..<end]
    if let colon = user.firstIndex(of: UInt8(ascii: ":")) { return user[(colon + 1)...] }
    let hasDigit = user.contains { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return user.count >= shortestToken && hasDigit ? user : nil
  }

  private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return bytes
  }
}
