/// Numbers as people read them.
enum Figures {
  /// With so many digits behind the point, thousands set apart.
  static func text(_ value: Double, digits: Int) -> String {
    let plain = plain(value, digits: digits)
    let parts = plain.split(separator: ".", omittingEmptySubsequences: false)
    var whole = ""
    for (index, digit) in parts[0].enumerated() {
      let rest = parts[0].count - index
      if index > 0, rest % 3 == 0, parts[0].count > 4 { whole.append("\u{202F}") }
      whole.append(digit)
    }
    return parts.count > 1 ? "\(whole).\(parts[1])" : whole
  }

  /// With so many digits behind the point.
  static func plain(_ value: Double, digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value * scale).rounded()
    guard scaled.magnitude < 1e15 else { return "\(value)" }
    if digits == 0 { return "\(Int64(scaled))" }
    let fraction = "\(Int64(scaled.magnitude) % Int64(scale))"
    let sign = scaled < 0 ? "-" : ""
    return sign + "\(Int64(scaled.magnitude) / Int64(scale))."
      + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  /// A ratio: as many digits as tell something.
  static func ratio(_ value: Double) -> String { plain(value, digits: value < 0.1 ? 3 : value < 10 ? 2 : 1) }
}
