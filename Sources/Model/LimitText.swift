/// How limits are written and read: a whole number and a unit, or `none`.
public enum LimitText {
  private static let times: [(unit: String, size: Int64)] = [
    ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000),
    ("ms", 1_000_000), ("us", 1000), ("ns", 1),
  ]
  private static let sizes: [(unit: String, size: Int64)] = [
    ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1000), ("B", 1),
  ]

  /// Only binary units, so that one value has one text.
  private static let writtenSizes = sizes.filter { $0.unit.contains("i") || $0.unit == "B" }

  /// Reads a value of this unit; nil when it is not one.
  public static func value(_ text: String, unit: LimitName.Unit) -> Int64? {
    switch unit {
    case .time: scaled(text, by: times)
    case .bytes: scaled(text, by: sizes)
    case .count: digits(text[...])
    case .money: money(text)
    }
  }

  /// Writes a value in the largest unit that is exact.
  public static func text(_ value: Int64, unit: LimitName.Unit) -> String {
    switch unit {
    case .time: largest(value, of: times, none: "0s")
    case .bytes: largest(value, of: writtenSizes, none: "0B")
    case .count: String(value)
    case .money: moneyText(value)
    }
  }

  /// A number that came as one, as it would have been written as text: never with an exponent.
  public static func decimal(_ number: Double) -> String {
    if let whole = Int64(exactly: number) { return String(whole) }
    guard let millionths = Int64(exactly: (number * 1e6).rounded()), millionths > 0 else { return String(number) }
    return moneyText(millionths)
  }

  private static func scaled(_ text: String, by units: [(unit: String, size: Int64)]) -> Int64? {
    let number = text.prefix { $0.isASCII && $0.isNumber }
    let rest = text[number.endIndex...]
    guard let unit = units.first(where: { $0.unit == rest }), let count = digits(number) else { return nil }
    let (value, overflow) = count.multipliedReportingOverflow(by: unit.size)
    return overflow ? nil : value
  }

  private static func digits(_ text: Substring) -> Int64? {
    guard text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { return nil }
    return Int64(text)
  }

  private static func largest(_ value: Int64, of units: [(unit: String, size: Int64)], none: String) -> String {
    guard value != 0, let unit = units.first(where: { value % $0.size == 0 }) else { return none }
    return "\(value / unit.size)\(unit.unit)"
  }

  /// Dollars with at most six decimals, kept as millionths: money is not for floating point.
  private static func money(_ text: String) -> Int64? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first.flatMap({ digits($0) }) else { return nil }
    var fraction = parts.count > 1 ? String(parts[1]) : "0"
    guard !fraction.isEmpty, fraction.count <= 6 else { return nil }
    fraction += String(repeating: "0", count: 6 - fraction.count)
    let (dollars, overflow) = whole.multipliedReportingOverflow(by: 1_000_000)
    guard !overflow, let millionths = digits(fraction[...]) else { return nil }
    let (sum, tooLarge) = dollars.addingReportingOverflow(millionths)
    return tooLarge ? nil : sum
  }

  private static func moneyText(_ millionths: Int64) -> String {
    let fraction = String(1_000_000 + millionths % 1_000_000).dropFirst()
    let kept = String(fraction.reversed().drop { $0 == "0" }.reversed())
    return "\(millionths / 1_000_000).\(kept.isEmpty ? "0" : kept)"
  }
}
