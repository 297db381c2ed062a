internal import Wire

/// A part of a line that means something, by its place.
public struct Excerpt: Hashable, Sendable {
  /// Where it lies; a JSON string with its quotes.
  public let range: Range<Int>
  /// Whether it is a JSON value; otherwise it is plain text.
  public let isJSON: Bool

  /// Whether there is nothing in it: agents have been seen to send nothing else for hours.
  public func isEmpty(in line: RawSpan) -> Bool { isJSON ? range.count <= 2 && isText(in: line) : range.isEmpty }

  /// Whether it is text, as JSON or plain.
  func isText(in line: RawSpan) -> Bool { !isJSON || JSONString.isString(line, range) }

  /// Appends what it says: of a string what it stands for, of any other value what is written.
  public func append(from line: RawSpan, to output: inout [UInt8]) {
    if isJSON && isText(in: line) {
      JSONString.decode(line, range: range, into: &output)
    } else {
      line.append(range, to: &output)
    }
  }

  /// What it says, as text.
  public func text(in line: RawSpan) -> String {
    var bytes: [UInt8] = []
    append(from: line, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The same, cut where no person would read on.
  public func message(in line: RawSpan) -> String {
    range.count <= Answer.limit ? text(in: line) : "[… a message of \(range.count) bytes; the transcript has it …]"
  }

  /// The same as one short line, for people who look on.
  func label(in line: RawSpan) -> String {
    let short = Excerpt(range: range.prefix(Self.longestLabel), isJSON: false)
    guard range.count > Self.longestLabel else { return Self.oneLine(text(in: line)) }
    return Self.oneLine(short.text(in: line)) + "…"
  }

  private static let longestLabel = 120

  private static func oneLine(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 >= 0x80 }) else { return text }
    return String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
  }

  /// The number that it is, or that a person would read in it, like “1.2k” or “$0.03”.
  func amount(in line: RawSpan) -> Amount? {
    if isJSON && !isText(in: line) {
      return JSONScalar.integer(line, range: range).map { .count($0) }
        ?? JSONScalar.double(line, range: range).map { .number($0) }
    }
    return range.count <= Amount.longestText ? Amount(text(in: line)) : nil
  }
}

/// A number that an agent gives.
public enum Amount: Hashable, Sendable {
  /// A whole number.
  case count(Int64)
  /// Any other.
  case number(Double)

  /// A longer text is no number that a person wrote.
  static let longestText = 64

  private static let scales: [Character: Double] = ["k": 1e3, "K": 1e3, "M": 1e6, "m": 1e6]

  /// Reads a number as programs print it for people: with a dollar sign, commas between thousands, `k` or `M`.
  init?(_ text: String) {
    var digits = text.filter { $0 != "," && $0 != "$" && $0 != " " }
    if let count = Int64(digits) {
      self = .count(count)
      return
    }
    let scale = digits.last.flatMap { Self.scales[$0] }
    if scale != nil { digits.removeLast() }
    guard let number = Double(digits), number.isFinite else { return nil }
    guard let scale else {
      self = .number(number)
      return
    }
    guard let count = Int64(exactly: (number * scale).rounded()) else { return nil }
    self = .count(count)
  }

  /// It as a whole number, if it is one.
  var count: Int64? {
    switch self {
    case .count(let count): count
    case .number(let number): Int64(exactly: number)
    }
  }

  /// It as a number of any kind.
  var number: Double {
    switch self {
    case .count(let count): Double(count)
    case .number(let number): number
    }
  }
}
