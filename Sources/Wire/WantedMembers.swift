/// The names of the top-level members whose values a scan is to find; a name's position is its index.
public struct WantedMembers: Sendable {
  /// How many names there may be: sets of them are the bits of one word.
  public static let limit = 64

  private let names: [[UInt8]]
  /// The first eight bytes of each name, zeros after a shorter one: most keys are told apart by this one word.
  private let heads: [UInt64]
  /// Which names are that long; the last entry serves all lengths from there on.
  private let byLength: [UInt64]
  /// No key with more bytes than this between its quotes can be a name, however it is escaped.
  let longestKey: Int

  /// Wants these names, at most `limit`; a repeated one is found at its first position.
  public init(_ names: [String]) {
    precondition(names.count <= Self.limit, "at most \(Self.limit) wanted members")
    let names = names.map { Array($0.utf8) }
    var byLength = [UInt64](repeating: 0, count: Self.limit)
    for (index, name) in names.enumerated() { byLength[min(name.count, byLength.count - 1)] |= 1 << UInt64(index) }
    self.names = names
    self.heads = names.map { Self.head(of: $0.span.bytes, from: 0, to: $0.count) }
    self.byLength = byLength
    // The longest way to write one byte is `\u0041`.
    self.longestKey = (names.map(\.count).max() ?? 0) * 6
  }

  /// How many names there are.
  var count: Int { names.count }

  /// The index of the name that these bytes of a text are.
  @inline(__always)
  func index(of text: RawSpan, from start: Int, to end: Int) -> Int? {
    let length = end &- start
    var candidates = byLength[min(length, byLength.count &- 1)]
    guard candidates != 0 else { return nil }
    let head = Self.head(of: text, from: start, to: end)
    while candidates != 0 {
      let index = candidates.trailingZeroBitCount
      if heads[index] == head, length <= 8 || isName(index, text, from: start, to: end) { return index }
      candidates &= candidates &- 1
    }
    return nil
  }

  private func isName(_ index: Int, _ text: RawSpan, from start: Int, to end: Int) -> Bool {
    let name = names[index]
    guard name.count == end - start else { return false }
    for at in 8..<name.count where name[at] != text.byte(start + at) { return false }
    return true
  }

  @inline(__always)
  private static func head(of text: RawSpan, from start: Int, to end: Int) -> UInt64 {
    let length = end &- start
    if length >= 8 { return text.word(start) }
    if start &+ 8 <= text.byteCount { return text.word(start) & ((1 &<< UInt64(length &* 8)) &- 1) }
    var head: UInt64 = 0
    for at in 0..<length { head |= UInt64(text.byte(start &+ at)) &<< UInt64(at &* 8) }
    return head
  }
}
