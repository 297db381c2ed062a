/// Why a text could not be read as JSON, and where.
public struct WireError: Error, Equatable, Sendable {
  /// The kinds of refusal.
  public enum Code: Equatable, Sendable {
    /// The scanner found noise.
    case noise(Noise)
    /// A key holds an escaped NUL; json-c cuts keys there, so the tree would not be what the text says.
    case nulInKey
    /// The text is longer than json-c can count.
    case tooLong
    /// json-c refused what the scanner accepted, or was out of memory.
    case refused
  }

  /// What kind of refusal this is.
  public var code: Code
  /// What to tell a person, without the place.
  public var message: String
  /// The place in bytes from the start.
  public var offset: Int
  /// The line of the place; the first is 1.
  public var line: Int
  /// The character of the place in its line, counted in Unicode code points; the first is 1.
  public var column: Int

  init(_ code: Code, in text: RawSpan, at offset: Int) {
    self.code = code
    self.message = Self.message(code, in: text, at: offset)
    self.offset = offset
    var line = 1
    var column = 1
    for at in 0..<min(offset, text.byteCount) {
      let byte = text.byte(at)
      if byte == 0x0A {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        // Continuation bytes belong to the character that began before them.
        column += 1
      }
    }
    self.line = line
    self.column = column
  }

  private static func message(_ code: Code, in text: RawSpan, at offset: Int) -> String {
    switch code {
    case .noise(.empty): return "there is nothing but white space"
    case .noise(.notJSON):
      guard offset < text.byteCount else { return "not JSON: the text ends too early" }
      let byte = text.byte(offset)
      guard byte > 0x20, byte < 0x7F else { return "not JSON: unexpected byte 0x\(String(byte, radix: 16))" }
      return "not JSON: unexpected \(Unicode.Scalar(byte))"
    case .noise(.invalidUTF8): return "a string is not UTF-8"
    case .noise(.loneSurrogate): return "an escape names half a surrogate pair"
    case .noise(.tooDeep): return "more than \(LineScanner.depthLimit) arrays and objects inside one another"
    case .nulInKey: return "a key holds a NUL"
    case .tooLong: return "the text is over 2 GiB long"
    case .refused: return "json-c refused it"
    }
  }
}
