/// Walks over the elements of an array without building them.
public enum JSONElements {
  /// Gives the range of each element of the array at `range`, which the scanner has accepted.
  public static func forEach(_ text: RawSpan, range: Range<Int>, _ body: (Range<Int>) -> Void) {
    var depth = 0
    var start: Int?
    var at = range.lowerBound
    func end(at end: Int) {
      if let start { body(start..<end) }
      start = nil
    }
    while at < range.upperBound {
      let byte = text.unsafeLoad(fromByteOffset: at, as: UInt8.self)
      switch byte {
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        if depth == 1 && start == nil { start = at }
        depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        depth -= 1
        if depth == 0 { end(at: at) }
      case UInt8(ascii: ",") where depth == 1: end(at: at)
      case UInt8(ascii: "\""):
        if depth == 1 && start == nil { start = at }
        at = endOfString(text, at)
        continue
      case 0x20, 0x09, 0x0A, 0x0D: break
      default: if depth == 1 && start == nil { start = at }
      }
      at += 1
    }
  }

  private static func endOfString(_ text: RawSpan, _ start: Int) -> Int {
    var at = start + 1
    while at < text.byteCount {
      switch text.unsafeLoad(fromByteOffset: at, as: UInt8.self) {
      case UInt8(ascii: "\""): return at + 1
      case UInt8(ascii: "\\"): at += 2
      default: at += 1
      }
    }
    return at
  }
}
