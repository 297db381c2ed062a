/// Reads numbers and booleans where they lie in a text that the scanner has accepted, without a tree.
public enum JSONScalar {
  /// The boolean at a range; nil for any other value.
  public static func bool(_ text: RawSpan, range: Range<Int>) -> Bool? {
    switch text.byte(range.lowerBound) {
    case UInt8(ascii: "t"): true
    case UInt8(ascii: "f"): false
    default: nil
    }
  }

  /// The integer at a range; nil for any other value, also for one that does not fit or is written with a fraction or an
  /// exponent.
  public static func integer(_ text: RawSpan, range: Range<Int>) -> Int64? {
    var at = range.lowerBound
    let isNegative = text.byte(at) == UInt8(ascii: "-")
    if isNegative { at += 1 }
    // Summed up below zero, where there is room for one more than above.
    var sum: Int64 = 0
    for at in at..<range.upperBound {
      let digit = text.byte(at) &- 0x30
      guard digit < 10 else { return nil }
      let (tens, tooLarge) = sum.multipliedReportingOverflow(by: 10)
      let (next, tooLow) = tens.subtractingReportingOverflow(Int64(digit))
      guard !tooLarge, !tooLow else { return nil }
      sum = next
    }
    guard !isNegative else { return sum }
    return sum == .min ? nil : -sum
  }

  /// The number at a range as the nearest double, infinity if it is too large; nil for any other value.
  public static func double(_ text: RawSpan, range: Range<Int>) -> Double? {
    let first = text.byte(range.lowerBound)
    guard first == UInt8(ascii: "-") || first &- 0x30 < 10 else { return nil }
    return Double(text.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
  }

  /// Whether there is an integer at a range, but one that 64 bits cannot hold.
  static func isLongInteger(_ text: RawSpan, range: Range<Int>) -> Bool {
    // 18 digits always fit.
    guard range.count > 18 else { return false }
    for at in range {
      let byte = text.byte(at)
      guard byte &- 0x30 < 10 || byte == UInt8(ascii: "-") && at == range.lowerBound else { return false }
    }
    return integer(text, range: range) == nil
  }
}
