/// Finds a secret at a place in a text, however each of its bytes is written there.
///
/// A text can be read in more ways than one (`\\` is two backslashes, or one in JSON), so all places that a reading may
/// have come to are followed side by side; their number is bounded by the text, where trying one after the other is not.
struct SecretMatch {
  /// What was found at a place.
  struct Outcome: Equatable {
    /// Where the secret ends, at the furthest; nil when it is not there.
    var end: Int?
    /// The text may go on in a way that changes this; so many bytes of the secret were found up to its end.
    var open: Int?
  }

  /// What an escape stands for.
  enum Meaning {
    case nothing
    case byte(UInt8)
    /// More than one byte, or the text ends before it is known.
    case several
  }

  /// What begins at a place with a backslash, a percent sign or a plus. A quick look: by this most places are passed over
  /// that are full of escapes.
  static func meaning(of text: [UInt8], at place: Int) -> Meaning {
    if text[place] == UInt8(ascii: "+") { return .byte(UInt8(ascii: " ")) }
    guard place + 1 < text.count else { return .several }
    var match = SecretMatch()
    let isURL = text[place] == UInt8(ascii: "%")
    if !isURL && text[place + 1] != UInt8(ascii: "u") {
      return unescaped(text[place + 1]).map { .byte($0) } ?? .nothing
    }
    let value = match.hexadecimal(text, place + (isURL ? 1 : 2), digits: isURL ? 2 : 4)
    guard let value else { return match.isOpen ? .several : .nothing }
    return isURL || value < 0x80 ? .byte(UInt8(value)) : .several
  }

  /// How many steps were taken by now.
  private(set) var work = 0
  private var places: [Int] = []
  private var next: [Int] = []
  private var isOpen = false

  mutating func find(_ secret: [UInt8], in text: borrowing [UInt8], at start: Int) -> Outcome {
    // By far most places are settled by their first byte or two.
    places.removeAll(keepingCapacity: true)
    places.append(start)
    var index = 0
    var openAt: Int?
    // The places in a secret that an escaped character of several bytes jumps to.
    var jumps: [(index: Int, place: Int)] = []
    while index < secret.count {
      next.removeAll(keepingCapacity: true)
      for jump in jumps where jump.index == index { add(jump.place, to: &places) }
      work &+= places.count
      for place in places {
        isOpen = false
        step(secret, index, text, place, &jumps)
        if isOpen { openAt = index }
      }
      swap(&places, &next)
      index += 1
      if places.isEmpty && !jumps.contains(where: { $0.index >= index }) { return Outcome(open: openAt) }
    }
    for jump in jumps where jump.index == index { add(jump.place, to: &places) }
    return Outcome(end: places.max(), open: openAt)
  }

  /// Places come in about their order, none more than a character's longest escape apart: one that is there already was
  /// added not long ago.
  private func add(_ place: Int, to places: inout [Int]) {
    if !places.suffix(Self.longestEscape * 2).contains(place) { places.append(place) }
  }

  /// Two `\u1234`.
  private static let longestEscape = 12

  /// Every way in which the byte of a secret may stand at a place.
  private mutating func step(
    _ secret: [UInt8], _ index: Int, _ text: borrowing [UInt8], _ place: Int, _ jumps: inout [(index: Int, place: Int)]
  ) {
    guard place < text.count else {
      isOpen = true
      return
    }
    let (wanted, byte) = (secret[index], text[place])
    if byte == wanted { add(place + 1, to: &next) }
    switch byte {
    case UInt8(ascii: "+"): if wanted == UInt8(ascii: " ") { add(place + 1, to: &next) }
    case UInt8(ascii: "%"):
      if let value = hexadecimal(text, place + 1, digits: 2), value == UInt32(wanted) { add(place + 3, to: &next) }
    case UInt8(ascii: "\\"):
      guard place + 1 < text.count else {
        isOpen = true
        return
      }
      if text[place + 1] == UInt8(ascii: "u") {
        escape(secret, index, text, place, &jumps)
      } else if Self.unescaped(text[place + 1]) == wanted {
        add(place + 2, to: &next)
      }
    default: break
    }
  }

  /// `\u00e9`, and two of them for a character outside the basic plane.
  private mutating func escape(
    _ secret: [UInt8], _ index: Int, _ text: borrowing [UInt8], _ place: Int, _ jumps: inout [(index: Int, place: Int)]
  ) {
    guard var value = hexadecimal(text, place + 2, digits: 4) else { return }
    var end = place + 6
    if (0xd800..<0xdc00).contains(value) {
      for (offset, byte) in [UInt8(ascii: "\\"), UInt8(ascii: "u")].enumerated() {
        guard end + offset < text.count else {
          isOpen = true
          return
        }
        guard text[end + offset] == byte else { return }
      }
      guard let low = hexadecimal(text, end + 2, digits: 4), (0xdc00..<0xe000).contains(low) else { return }
      value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
      end += 6
    }
    guard let scalar = Unicode.Scalar(value) else { return }
    let bytes = Array(String(scalar).utf8)
    guard secret[index...].starts(with: bytes) else { return }
    if bytes.count == 1 { add(end, to: &next) } else { jumps.append((index + bytes.count, end)) }
  }

  /// A number of so many digits; nil when they are none, or when the text ends before them.
  private mutating func hexadecimal(_ text: borrowing [UInt8], _ place: Int, digits: Int) -> UInt32? {
    var value: UInt32 = 0
    for offset in 0..<digits {
      guard place + offset < text.count else {
        isOpen = true
        return nil
      }
      switch text[place + offset] {
      case let digit where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit):
        value = value << 4 + UInt32(digit & 15)
      case let digit where (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(digit | 0x20):
        value = value << 4 + UInt32(digit & 15) + 9
      default: return nil
      }
    }
    return value
  }

  private static func unescaped(_ letter: UInt8) -> UInt8? {
    switch letter {
    case UInt8(ascii: "n"): 0x0a
    case UInt8(ascii: "r"): 0x0d
    case UInt8(ascii: "t"): 0x09
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0c
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
    default: nil
    }
  }
}
