/// Tells strictly whether a text is JSON (RFC 8259) in UTF-8, and where the wanted top-level members' values lie, in one
/// pass without a tree.
///
/// Despite its name it takes whole documents as well: a newline is white space like any other.
public struct LineScanner: Sendable {
  /// How many arrays and objects may be open at once; peers' parsers commonly stop at 512 or above.
  public static let depthLimit = 512

  /// Where the last scan stopped, if it found noise: the offset of the first byte that is wrong, or the end of the text
  /// when something is missing there.
  public private(set) var failureOffset = 0

  /// Whether the last text holds integers that may not fit 64 bits.
  private(set) var hasLongInteger = false
  /// Where the last text has a key with an escaped NUL in it.
  private(set) var nulKeyOffset: Int?

  private let wanted: WantedMembers
  private var ranges: [Range<Int>]
  /// Which of `ranges` the last scan set, a bit each.
  private var found: UInt64 = 0
  private var decodedKey: [UInt8] = []

  /// A scanner that finds these members.
  public init(wanted: WantedMembers) {
    self.wanted = wanted
    self.ranges = Array(repeating: 0..<0, count: wanted.count)
  }

  /// Scans one text, forgetting the one before.
  public mutating func scan(_ text: RawSpan) -> Finding {
    found = 0
    failureOffset = 0
    hasLongInteger = false
    nulKeyOffset = nil
    do {
      return try read(text)
    } catch {
      found = 0
      failureOffset = error.offset
      return .noise(error.noise)
    }
  }

  /// Where the value of the wanted member with this index lies in the last text, a string with its quotes; nil when the
  /// text is no object or has no such member. Of a repeated key the last counts.
  public func value(_ index: Int) -> Range<Int>? { found & (1 << UInt64(index)) == 0 ? nil : ranges[index] }

  /// Which of the wanted members the last text has, a bit each.
  @inline(__always)
  public var present: UInt64 { found }

  private mutating func read(_ text: RawSpan) throws(Fault) -> Finding {
    var open = OpenContainers()
    var notes = StringNotes()
    var isLong = false
    var member: Member?
    var at = text.skippingSpace(0)
    guard at < text.byteCount else { throw Fault(.empty, at: at) }
    let isObject = text.byte(at) == UInt8(ascii: "{")

    values: while true {
      guard at < text.byteCount else { throw Fault(.notJSON, at: at) }
      switch text.byte(at) {
      case UInt8(ascii: "\""): at = try text.skippingString(at, &notes)
      case UInt8(ascii: "{"):
        guard open.push(isObject: true) else { throw Fault(.tooDeep, at: at) }
        at = text.skippingSpace(at &+ 1)
        guard text.holds(UInt8(ascii: "}"), at: at) else {
          at = try readKey(text, at, depth: open.depth, &notes, &member)
          continue values
        }
        at &+= 1
        open.pop()
      case UInt8(ascii: "["):
        guard open.push(isObject: false) else { throw Fault(.tooDeep, at: at) }
        at = text.skippingSpace(at &+ 1)
        guard text.holds(UInt8(ascii: "]"), at: at) else { continue values }
        at &+= 1
        open.pop()
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): at = try text.skippingNumber(at, isLong: &isLong)
      case UInt8(ascii: "t"): at = try text.skippingLiteral(at, "true")
      case UInt8(ascii: "f"): at = try text.skippingLiteral(at, "false")
      case UInt8(ascii: "n"): at = try text.skippingLiteral(at, "null")
      default: throw Fault(.notJSON, at: at)
      }

      // A value has ended just before `at`, and with it perhaps the containers it is the last of.
      while open.depth > 0 {
        if open.depth == 1, let ended = member {
          ranges[ended.index] = ended.start..<at
          found |= 1 &<< UInt64(ended.index)
          member = nil
        }
        at = text.skippingSpace(at)
        guard at < text.byteCount else { throw Fault(.notJSON, at: at) }
        let byte = text.byte(at)
        if byte == UInt8(ascii: ",") {
          at = text.skippingSpace(at &+ 1)
          if open.isObject { at = try readKey(text, at, depth: open.depth, &notes, &member) }
          continue values
        }
        guard byte == (open.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else { throw Fault(.notJSON, at: at) }
        at &+= 1
        open.pop()
      }
      break
    }

    at = text.skippingSpace(at)
    guard at == text.byteCount else { throw Fault(.notJSON, at: at) }
    guard notes.loneSurrogate < 0 else { throw Fault(.loneSurrogate, at: notes.loneSurrogate) }
    hasLongInteger = isLong
    return isObject ? .object : .value
  }

  /// A wanted member whose value is being read.
  private struct Member {
    var index: Int
    var start: Int
  }

  /// Past a key, its colon, and the white space around.
  @inline(__always)
  private mutating func readKey(
    _ text: RawSpan, _ start: Int, depth: Int, _ notes: inout StringNotes, _ member: inout Member?
  ) throws(Fault) -> Int {
    guard text.holds(UInt8(ascii: "\""), at: start) else { throw Fault(.notJSON, at: start) }
    notes.hasEscape = false
    notes.hasNul = false
    let end = try text.skippingString(start, &notes)
    if notes.hasNul, nulKeyOffset == nil { nulKeyOffset = start }
    let colon = text.skippingSpace(end)
    guard text.holds(UInt8(ascii: ":"), at: colon) else { throw Fault(.notJSON, at: colon) }
    let value = text.skippingSpace(colon &+ 1)
    if depth == 1 {
      let index =
        notes.hasEscape
        ? indexOfEscapedKey(text, start..<end) : wanted.index(of: text, from: start &+ 1, to: end &- 1)
      if let index { member = Member(index: index, start: value) }
    }
    return value
  }

  private mutating func indexOfEscapedKey(_ text: RawSpan, _ key: Range<Int>) -> Int? {
    guard key.count - 2 <= wanted.longestKey else { return nil }
    decodedKey.removeAll(keepingCapacity: true)
    JSONString.decode(text, range: key, into: &decodedKey)
    return wanted.index(of: decodedKey.span.bytes, from: 0, to: decodedKey.count)
  }
}
