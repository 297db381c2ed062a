/// One multi-byte sequence of UTF-8 as it stands in a text.
struct UTF8Sequence {
  /// Whether it encodes a character; overlong forms, surrogates and values over U+10FFFF do not.
  var isWellFormed: Bool
  /// Its bytes; of an ill-formed one, those a decoder replaces by a single U+FFFD (the maximal subpart, Unicode §3.9).
  var length: Int

  /// Reads the sequence whose first byte, 0x80 or more, is at `start`.
  @inline(__always)
  init(in text: RawSpan, at start: Int) {
    let lead = text.byte(start)
    let full: Int
    // Only the second byte's bounds depend on the lead; they are what rules out overlong forms, surrogates and values
    // over U+10FFFF.
    var lowest: UInt8 = 0x80
    var highest: UInt8 = 0xBF
    switch lead {
    case 0xC2...0xDF: full = 2
    case 0xE0...0xEF:
      full = 3
      if lead == 0xE0 { lowest = 0xA0 } else if lead == 0xED { highest = 0x9F }
    case 0xF0...0xF4:
      full = 4
      if lead == 0xF0 { lowest = 0x90 } else if lead == 0xF4 { highest = 0x8F }
    default:
      isWellFormed = false
      length = 1
      return
    }
    var count = 1
    while count < full, start &+ count < text.byteCount {
      let next = text.byte(start &+ count)
      guard next >= lowest, next <= highest else { break }
      lowest = 0x80
      highest = 0xBF
      count &+= 1
    }
    isWellFormed = count == full
    length = count
  }
}
