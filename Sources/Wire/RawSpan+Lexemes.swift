// The tokens of RFC 8259. Every function takes an offset and gives the one after what it has read. All loads are checked
// against the span's bounds: that costs a few per cent, and no mistake here can then read past a line.

/// What the strings of a text were seen to hold, beyond being well formed.
struct StringNotes {
  /// Whether the strings read since this was last reset hold a backslash.
  var hasEscape = false
  /// Whether they hold `\u0000`.
  var hasNul = false
  /// Where the first escape without its surrogate partner is; -1 when there is none.
  var loneSurrogate = -1
}

extension RawSpan {
  /// The byte at an offset.
  @inline(__always)
  public func byte(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

  /// Whether an offset is inside and holds this byte.
  @inline(__always)
  func holds(_ wanted: UInt8, at offset: Int) -> Bool { offset < byteCount && byte(offset) == wanted }

  /// The eight bytes at an offset, the first of them lowest.
  @inline(__always)
  func word(_ offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// Past white space.
  @inline(__always)
  func skippingSpace(_ start: Int) -> Int {
    var at = start
    while at < byteCount {
      let byte = byte(at)
      // Most bytes asked about are no space at all: one comparison turns those away.
      guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { break }
      at &+= 1
    }
    return at
  }

  /// Past the bytes that stand for themselves in a string: ASCII but for quotes, backslashes and control characters.
  @inline(__always)
  func skippingPlain(_ start: Int) -> Int {
    var at = start
    while at &+ 8 <= byteCount {
      // Eight bytes in one word. Subtracting one from each byte sets the top bit of those that were zero, and of some
      // after the first zero, where the borrow went: the lowest hit is always right, and only that one is used.
      let word = word(at)
      let quote = word ^ 0x2222_2222_2222_2222
      let backslash = word ^ 0x5C5C_5C5C_5C5C_5C5C
      let control = (word &- 0x2020_2020_2020_2020) & ~word
      let quotes = (quote &- 0x0101_0101_0101_0101) & ~quote
      let backslashes = (backslash &- 0x0101_0101_0101_0101) & ~backslash
      let hits = (control | quotes | backslashes | word) & 0x8080_8080_8080_8080
      guard hits == 0 else { return at &+ hits.trailingZeroBitCount &>> 3 }
      at &+= 8
    }
    while at < byteCount {
      let byte = byte(at)
      guard byte >= 0x20, byte < 0x80, byte != 0x22, byte != 0x5C else { break }
      at &+= 1
    }
    return at
  }

  /// Past a string whose opening quote is at `start`.
  @inline(__always)
  func skippingString(_ start: Int, _ notes: inout StringNotes) throws(Fault) -> Int {
    var at = start &+ 1
    while true {
      at = skippingPlain(at)
      guard at < byteCount else { throw Fault(.notJSON, at: at) }
      let byte = byte(at)
      if byte == 0x22 { return at &+ 1 }
      if byte == 0x5C {
        at = try skippingEscape(at, &notes)
      } else if byte >= 0x80 {
        at = try skippingCharacters(at)
      } else {
        throw Fault(.notJSON, at: at)
      }
    }
  }

  /// Past multi-byte characters, as many as follow one another: text in most scripts has them in runs.
  private func skippingCharacters(_ start: Int) throws(Fault) -> Int {
    var at = start
    repeat {
      let sequence = UTF8Sequence(in: self, at: at)
      guard sequence.isWellFormed else { throw Fault(.invalidUTF8, at: at) }
      at &+= sequence.length
    } while at < byteCount && byte(at) >= 0x80
    return at
  }

  /// Past an escape whose backslash is at `start`; a surrogate pair is one escape.
  @inline(__always)
  private func skippingEscape(_ start: Int, _ notes: inout StringNotes) throws(Fault) -> Int {
    notes.hasEscape = true
    let kind = start &+ 1
    guard kind < byteCount else { throw Fault(.notJSON, at: kind) }
    switch byte(kind) {
    case UInt8(ascii: "n"), 0x22, 0x5C, UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "r"),
      UInt8(ascii: "t"):
      return start &+ 2
    case UInt8(ascii: "u"): return try skippingUnicodeEscape(start, &notes)
    default: throw Fault(.notJSON, at: kind)
    }
  }

  private func skippingUnicodeEscape(_ start: Int, _ notes: inout StringNotes) throws(Fault) -> Int {
    let unit = try codeUnit(start &+ 2)
    let next = start &+ 6
    if unit == 0 { notes.hasNul = true }
    guard unit & 0xF800 == 0xD800 else { return next }
    if unit < 0xDC00, holds(0x5C, at: next), holds(UInt8(ascii: "u"), at: next &+ 1) {
      let second = try codeUnit(next &+ 2)
      if second & 0xFC00 == 0xDC00 { return next &+ 6 }
    }
    if notes.loneSurrogate < 0 { notes.loneSurrogate = start }
    return next
  }

  /// The UTF-16 code unit that four hexadecimal digits name.
  func codeUnit(_ start: Int) throws(Fault) -> UInt16 {
    var unit: UInt16 = 0
    for at in start..<(start &+ 4) {
      guard at < byteCount else { throw Fault(.notJSON, at: at) }
      let byte = byte(at)
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit &<< 4 | UInt16(byte &- 0x30)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit &<< 4 | UInt16(byte &- 0x57)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit &<< 4 | UInt16(byte &- 0x37)
      default: throw Fault(.notJSON, at: at)
      }
    }
    return unit
  }

  /// Past a number that begins at `start`; says whether it is an integer too long to be sure to fit 64 bits.
  @inline(__always)
  func skippingNumber(_ start: Int, isLong: inout Bool) throws(Fault) -> Int {
    var at = start
    if byte(at) == UInt8(ascii: "-") { at &+= 1 }
    let first = at
    at = try skippingDigits(at)
    // A leading zero stands alone: what follows it is then in the wrong place.
    if byte(first) == UInt8(ascii: "0"), at > first &+ 1 { throw Fault(.notJSON, at: first &+ 1) }
    var isInteger = true
    if holds(UInt8(ascii: "."), at: at) {
      at = try skippingDigits(at &+ 1)
      isInteger = false
    }
    if at < byteCount, byte(at) | 0x20 == UInt8(ascii: "e") {
      at &+= 1
      if holds(UInt8(ascii: "+"), at: at) || holds(UInt8(ascii: "-"), at: at) { at &+= 1 }
      at = try skippingDigits(at)
      isInteger = false
    }
    // 18 digits always fit; of those with 19 some do not.
    if isInteger, at &- first > 18 { isLong = true }
    return at
  }

  /// Past one digit or more.
  @inline(__always)
  private func skippingDigits(_ start: Int) throws(Fault) -> Int {
    var at = start
    while at < byteCount, byte(at) &- 0x30 < 10 { at &+= 1 }
    guard at > start else { throw Fault(.notJSON, at: at) }
    return at
  }

  /// Past `true`, `false` or `null`.
  @inline(__always)
  func skippingLiteral(_ start: Int, _ literal: StaticString) throws(Fault) -> Int {
    for index in 0..<literal.utf8CodeUnitCount where !holds(literal.utf8Start[index], at: start &+ index) {
      throw Fault(.notJSON, at: Swift.min(start &+ index, byteCount))
    }
    return start &+ literal.utf8CodeUnitCount
  }
}
