/// Walks over arrays and objects in a text that the scanner has accepted, without building them.
public enum JSONElements {
  /// Gives the range of each element of the array at `range`; nothing for any other value.
  public static func forEach(_ text: RawSpan, range: Range<Int>, _ body: (Range<Int>) -> Void) {
    guard text.byte(range.lowerBound) == UInt8(ascii: "[") else { return }
    var at = text.skippingSpace(range.lowerBound + 1)
    while text.byte(at) != UInt8(ascii: "]") {
      let end = text.skippingValue(at)
      body(at..<end)
      at = text.skippingSeparator(end)
    }
  }

  /// Gives each member of the object at `range`, its key with the quotes; nothing for any other value.
  public static func forEachMember(
    _ text: RawSpan, range: Range<Int>, _ body: (_ key: Range<Int>, _ value: Range<Int>) -> Void
  ) {
    guard text.byte(range.lowerBound) == UInt8(ascii: "{") else { return }
    var at = text.skippingSpace(range.lowerBound + 1)
    while text.byte(at) != UInt8(ascii: "}") {
      let key = at..<text.skippingValue(at)
      let start = text.skippingSpace(text.skippingSpace(key.upperBound) + 1)
      let end = text.skippingValue(start)
      body(key, start..<end)
      at = text.skippingSeparator(end)
    }
  }
}

extension RawSpan {
  /// Past white space, and a comma if there is one.
  fileprivate func skippingSeparator(_ start: Int) -> Int {
    let at = skippingSpace(start)
    return byte(at) == UInt8(ascii: ",") ? skippingSpace(at + 1) : at
  }

  /// Past the value that begins at `start`.
  fileprivate func skippingValue(_ start: Int) -> Int {
    switch byte(start) {
    case UInt8(ascii: "\""): return skippingAcceptedString(start)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      var depth = 0
      var at = start
      repeat {
        switch byte(at) {
        case UInt8(ascii: "\""):
          at = skippingAcceptedString(at)
          continue
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        default: break
        }
        at += 1
      } while depth > 0
      return at
    default:
      var at = start
      while at < byteCount, !Self.endsScalar(byte(at)) { at += 1 }
      return at
    }
  }

  private static func endsScalar(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
  }

  private func skippingAcceptedString(_ start: Int) -> Int {
    var at = start + 1
    while true {
      at = skippingPlain(at)
      switch byte(at) {
      case UInt8(ascii: "\""): return at + 1
      case UInt8(ascii: "\\"): at += 2
      default: at += 1
      }
    }
  }
}
