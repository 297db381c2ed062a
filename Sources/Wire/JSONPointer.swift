/// A place in a JSON value (RFC 6901), in which one step may be `*`: every element of an array.
public struct JSONPointer: Hashable, Sendable {
  /// The names to the value, or to the array whose elements are meant.
  public let steps: [[UInt8]]
  /// The names from each element on; nil without a `*`.
  public let elementSteps: [[UInt8]]?

  /// Reads a text like `/message/content/*/text`; nil when it is none. The empty text is the whole value.
  public init?(_ text: String) {
    var steps: [[UInt8]] = []
    var elementSteps: [[UInt8]]?
    if !text.isEmpty {
      let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      guard parts.first?.isEmpty == true else { return nil }
      for part in parts.dropFirst() {
        if part.elementsEqual("*".utf8) {
          guard elementSteps == nil else { return nil }
          elementSteps = []
        } else {
          guard let step = Self.unescaped(part) else { return nil }
          if elementSteps == nil { steps.append(step) } else { elementSteps?.append(step) }
        }
      }
    }
    self.steps = steps
    self.elementSteps = elementSteps
  }

  /// `~0` stands for a tilde and `~1` for a slash; no other escape is known.
  private static func unescaped(_ part: Substring.UTF8View) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = part[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "~") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "0"): bytes.append(UInt8(ascii: "~"))
      case UInt8(ascii: "1"): bytes.append(UInt8(ascii: "/"))
      default: return nil
      }
    }
    return bytes
  }

  /// Where these steps lead from the value at `range` of a text that the scanner has accepted; nil when nothing is there.
  public static func follow(_ steps: [[UInt8]], in text: RawSpan, from range: Range<Int>) -> Range<Int>? {
    var here = range
    for index in steps.indices {
      guard let next = child(steps[index], in: text, of: here) else { return nil }
      here = next
    }
    return here
  }

  private static func child(_ step: [UInt8], in text: RawSpan, of range: Range<Int>) -> Range<Int>? {
    var found: Range<Int>?
    switch text.byte(range.lowerBound) {
    case UInt8(ascii: "{"):
      // Of a repeated key the last counts, as everywhere.
      JSONElements.forEachMember(text, range: range) { key, value in
        if JSONString.equals(text, range: key, step) { found = value }
      }
    case UInt8(ascii: "["):
      guard let wanted = index(step) else { return nil }
      var index = 0
      JSONElements.forEach(text, range: range) { element in
        if index == wanted { found = element }
        index += 1
      }
    default: break
    }
    return found
  }

  /// The number that a step is, if it can count elements: without a sign and without leading zeros.
  private static func index(_ step: [UInt8]) -> Int? {
    guard !step.isEmpty, step.count <= 9, step.allSatisfy({ $0 &- 0x30 < 10 }), step.count == 1 || step[0] != 0x30
    else { return nil }
    return step.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }
}
