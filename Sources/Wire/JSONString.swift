internal import Glibc

/// The content of JSON strings: escapes into bytes and bytes into escapes.
public enum JSONString {
  /// Appends, as UTF-8, what a string stands for; `range` is a string with its quotes that the scanner has accepted.
  public static func decode(_ text: RawSpan, range: Range<Int>, into output: inout [UInt8]) {
    var at = range.lowerBound + 1
    let end = range.upperBound - 1
    while at < end {
      let escape = text.firstBackslash(from: at, to: end) ?? end
      text.append(at..<escape, to: &output)
      at = escape
      guard at < end else { break }
      let kind = text.byte(at + 1)
      at += 2
      switch kind {
      case UInt8(ascii: "b"): output.append(0x08)
      case UInt8(ascii: "f"): output.append(0x0C)
      case UInt8(ascii: "n"): output.append(0x0A)
      case UInt8(ascii: "r"): output.append(0x0D)
      case UInt8(ascii: "t"): output.append(0x09)
      case UInt8(ascii: "u"): at = decodeUnicode(text, at, into: &output)
      default: output.append(kind)
      }
    }
  }

  /// What the string at `range` stands for; for lines that are rare enough to be given storage of their own.
  public static func bytes(_ text: RawSpan, _ range: Range<Int>) -> [UInt8] {
    var bytes: [UInt8] = []
    decode(text, range: range, into: &bytes)
    return bytes
  }

  /// The same as text.
  public static func text(_ text: RawSpan, _ range: Range<Int>) -> String {
    String(decoding: bytes(text, range), as: UTF8.self)
  }

  /// The value at `range` as it is written.
  public static func raw(_ text: RawSpan, _ range: Range<Int>) -> String {
    text.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether the value at `range` is a string.
  public static func isString(_ text: RawSpan, _ range: Range<Int>) -> Bool {
    text.byte(range.lowerBound) == UInt8(ascii: "\"")
  }

  /// Whether the value at `range`, which the scanner has accepted, is a string that stands for exactly these bytes.
  public static func equals(_ text: RawSpan, range: Range<Int>, _ expected: [UInt8]) -> Bool {
    equals(text, range: range, expected.span.bytes)
  }

  /// Whether the value at `range`, which the scanner has accepted, is a string that stands for exactly this text.
  public static func equals(_ text: RawSpan, range: Range<Int>, _ expected: StaticString) -> Bool {
    expected.withUTF8Buffer { equals(text, range: range, UnsafeRawBufferPointer($0).bytes) }
  }

  private static func equals(_ text: RawSpan, range: Range<Int>, _ expected: RawSpan) -> Bool {
    guard text.byte(range.lowerBound) == UInt8(ascii: "\"") else { return false }
    let content = range.lowerBound + 1..<range.upperBound - 1
    // Nothing is written in fewer bytes than it stands for: most of what is not equal ends here.
    guard content.count >= expected.byteCount else { return false }
    guard text.firstBackslash(from: content.lowerBound, to: content.upperBound) != nil else {
      return text.extracting(content).hasSameBytes(as: expected)
    }
    // An escape shortens what it stands for, to a sixth at most: anything else cannot be equal, and is not decoded.
    guard expected.byteCount < content.count, content.count <= expected.byteCount * 6 else { return false }
    var decoded: [UInt8] = []
    decode(text, range: range, into: &decoded)
    return decoded.span.bytes.hasSameBytes(as: expected)
  }

  /// Appends bytes as a quoted string: escaped as RFC 8259 demands and no further, and with U+FFFD for each ill-formed
  /// part, so that whatever comes in, what goes out is JSON.
  static func encode(_ bytes: RawSpan, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    var written = 0
    var at = bytes.skippingPlain(0)
    while at < bytes.byteCount {
      let byte = bytes.byte(at)
      let length: Int
      if byte >= 0x80 {
        let sequence = UTF8Sequence(in: bytes, at: at)
        length = sequence.length
        if !sequence.isWellFormed {
          bytes.append(written..<at, to: &output)
          output.append(contentsOf: UTF8.encodedReplacementCharacter)
          written = at + length
        }
      } else {
        length = 1
        bytes.append(written..<at, to: &output)
        appendEscape(of: byte, to: &output)
        written = at + 1
      }
      at = bytes.skippingPlain(at + length)
    }
    bytes.append(written..<at, to: &output)
    output.append(UInt8(ascii: "\""))
  }

  private static func appendEscape(of byte: UInt8, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x22, 0x5C: output.append(byte)
    case 0x08: output.append(UInt8(ascii: "b"))
    case 0x09: output.append(UInt8(ascii: "t"))
    case 0x0A: output.append(UInt8(ascii: "n"))
    case 0x0C: output.append(UInt8(ascii: "f"))
    case 0x0D: output.append(UInt8(ascii: "r"))
    default:
      output.append(contentsOf: "u00".utf8)
      output.append(0x30 + byte >> 4)
      let digit = byte & 0x0F
      output.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  /// Appends the character whose hexadecimal digits are at `start`, with its low surrogate if it has one; gives the offset
  /// after it.
  private static func decodeUnicode(_ text: RawSpan, _ start: Int, into output: inout [UInt8]) -> Int {
    // The scanner has seen the digits, so neither read fails; U+FFFD is what a broken promise becomes.
    let first = (try? text.codeUnit(start)) ?? 0xFFFD
    var next = start + 4
    var value = UInt32(first)
    if first & 0xFC00 == 0xD800, let second = try? text.codeUnit(next + 2) {
      value = 0x10000 + (UInt32(first & 0x3FF) << 10 | UInt32(second & 0x3FF))
      next += 6
    }
    let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
    output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    return next
  }
}

extension RawSpan {
  /// Whether both hold the same bytes.
  func hasSameBytes(as other: RawSpan) -> Bool {
    guard byteCount == other.byteCount else { return false }
    return withUnsafeBytes { mine in
      other.withUnsafeBytes { theirs in
        guard let left = mine.baseAddress, let right = theirs.baseAddress else { return true }
        return memcmp(left, right, mine.count) == 0
      }
    }
  }

  fileprivate func firstBackslash(from start: Int, to end: Int) -> Int? {
    guard start < end else { return nil }
    return extracting(start..<end).withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, let found = memchr(base, 0x5C, bytes.count) else { return nil }
      return start + (UnsafeRawPointer(found) - base)
    }
  }
}
