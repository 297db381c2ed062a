/// The name of a run, a host or another thing of ours: 128 bits that sort by the time they were made.
///
/// The first 48 bits are milliseconds since 1970, the rest is random. As text it is 26 lower-case base32
/// characters (digits and letters without i, l, o and u, which are easily misread).
public struct Identifier<Subject>: Hashable, Comparable, Sendable, CustomStringConvertible {
  private let high: UInt64
  private let low: UInt64

  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Reads the text form; anything but 26 characters of the alphabet that fit 128 bits is refused.
  public init?(_ text: some StringProtocol) {
    var high: UInt64 = 0
    var low: UInt64 = 0
    var count = 0
    for byte in text.utf8 {
      guard let digit = IdentifierText.value(of: byte), count < IdentifierText.length else { return nil }
      // 26 digits hold 130 bits: the first one may use only three of its five.
      if count == 0 && digit > 7 { return nil }
      high = high << 5 | low >> 59
      low = low << 5 | UInt64(digit)
      count += 1
    }
    guard count == IdentifierText.length else { return nil }
    self.init(high: high, low: low)
  }

  /// The 26 characters.
  public var description: String {
    String(unsafeUninitializedCapacity: IdentifierText.length) { buffer in
      var high = high
      var low = low
      for index in stride(from: IdentifierText.length - 1, through: 0, by: -1) {
        buffer[index] = IdentifierText.alphabet[Int(low & 31)]
        low = low >> 5 | high << 59
        high >>= 5
      }
      return IdentifierText.length
    }
  }

  /// When it was made, in milliseconds since 1970.
  public var milliseconds: Int64 { Int64(high >> 16) }

  /// Orders by the time of making.
  public static func < (a: Identifier, b: Identifier) -> Bool { (a.high, a.low) < (b.high, b.low) }

  fileprivate var successor: Identifier {
    let (low, carry) = low.addingReportingOverflow(1)
    return Identifier(high: carry ? high &+ 1 : high, low: low)
  }
}

/// What a `RunID` names.
public enum RunSubject {}
/// What a `HostID` names.
public enum HostSubject {}

/// The name of a run.
public typealias RunID = Identifier<RunSubject>
/// The name of a host.
public typealias HostID = Identifier<HostSubject>

/// Makes identifiers that never go back, even when the clock does.
public struct IdentifierSource<Subject>: Sendable {
  private var last: Identifier<Subject>?

  /// A source that has made nothing yet.
  public init() {}

  /// The next identifier: later than every one before it from this source.
  public mutating func next(
    at milliseconds: Int64, using random: inout some RandomNumberGenerator
  ) -> Identifier<Subject> {
    let next: Identifier<Subject>
    if let last, last.milliseconds >= milliseconds {
      next = last.successor
    } else {
      let noise = random.next() as UInt64
      next = Identifier(high: UInt64(milliseconds) << 16 | noise >> 48, low: random.next())
    }
    last = next
    return next
  }

  /// The next identifier, with the system's randomness.
  public mutating func next(at milliseconds: Int64) -> Identifier<Subject> {
    var random = SystemRandomNumberGenerator()
    return next(at: milliseconds, using: &random)
  }
}

/// The alphabet of the text form.
public enum IdentifierText {
  static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
  /// How many characters an identifier has.
  public static let length = 26

  static func value(of byte: UInt8) -> UInt8? {
    alphabet.firstIndex(of: byte).map { UInt8($0) }
  }

  /// Whether this could be the beginning of an identifier, as typed by a person.
  public static func isPrefix(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.count <= length && text.utf8.allSatisfy { value(of: $0) != nil }
  }
}
