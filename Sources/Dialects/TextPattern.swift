internal import Glibc
internal import Wire

/// What a line of plain text must look like: literal text, `*` for anything, and `{name}` for a part that is wanted.
struct TextPattern: Hashable, Sendable {
  private enum Piece: Hashable, Sendable {
    case literal(Needle)
    /// Anything, kept under this index if it is wanted.
    case gap(Int?)
  }

  private let pieces: [Piece]
  /// The names of the wanted parts.
  let names: [String]

  /// Reads a pattern; nil when two gaps touch, since nothing would say where one ends, or when a name comes twice.
  init?(_ text: String) {
    var pieces: [Piece] = []
    var names: [String] = []
    var literal: [UInt8] = []
    var rest = text[...]
    func isAfterGap() -> Bool { if literal.isEmpty, case .gap? = pieces.last { true } else { false } }
    while let character = rest.popFirst() {
      let name = character == "{" ? rest.prefix { $0 == "_" || ("a"..."z").contains($0) } : ""
      let isPart = !name.isEmpty && rest[name.endIndex...].first == "}"
      guard character == "*" || isPart else {
        literal.append(contentsOf: String(character).utf8)
        continue
      }
      guard !isAfterGap(), !names.contains(String(name)) else { return nil }
      if !literal.isEmpty { pieces.append(.literal(Needle(literal))) }
      literal = []
      pieces.append(.gap(isPart ? names.count : nil))
      if isPart {
        names.append(String(name))
        rest = rest[rest.index(after: name.endIndex)...]
      }
    }
    if !literal.isEmpty { pieces.append(.literal(Needle(literal))) }
    self.pieces = pieces
    self.names = names
  }

  /// Whether a range of a text looks like this, and where the wanted parts are: each as short as can be, from left to
  /// right. The time it takes grows with the text alone.
  func matches(_ text: RawSpan, _ range: Range<Int>, parts: inout [Range<Int>]) -> Bool {
    parts.removeAll(keepingCapacity: true)
    var at = range.lowerBound
    var gap: (start: Int, part: Int?)?
    func close(at end: Int) {
      if let gap, gap.part != nil { parts.append(gap.start..<end) }
      gap = nil
    }
    for (index, piece) in pieces.enumerated() {
      switch piece {
      case .gap(let part): gap = (at, part)
      case .literal(let literal):
        let found: Int?
        if gap == nil {
          found = text.has(literal.bytes, at: at, before: range.upperBound) ? at : nil
        } else if index == pieces.count - 1 {
          let start = range.upperBound - literal.bytes.count
          found = start >= at && text.has(literal.bytes, at: start, before: range.upperBound) ? start : nil
        } else {
          found = literal.first(in: text, from: at, before: range.upperBound)
        }
        guard let found else { return false }
        close(at: found)
        at = found + literal.bytes.count
      }
    }
    guard gap != nil || at == range.upperBound else { return false }
    close(at: range.upperBound)
    return true
  }
}

extension RawSpan {
  fileprivate func has(_ literal: [UInt8], at start: Int, before end: Int) -> Bool {
    guard start + literal.count <= end else { return false }
    return withUnsafeBytes { bytes in
      literal.withUnsafeBytes { wanted in
        guard let base = bytes.baseAddress, let expected = wanted.baseAddress else { return literal.isEmpty }
        return memcmp(base + start, expected, wanted.count) == 0
      }
    }
  }

  fileprivate func first(_ byte: UInt8, from start: Int, before end: Int) -> Int? {
    guard start < end else { return nil }
    return withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return nil }
      return memchr(base + start, Int32(byte), end - start).map { UnsafeRawPointer($0) - base }
    }
  }
}

/// Literal text that is looked for, with what is needed to look at no byte of a line twice (Knuth, Morris and Pratt).
private struct Needle: Hashable, Sendable {
  let bytes: [UInt8]
  /// For each byte: how much of the beginning also ends there.
  private let borders: [Int]

  init(_ bytes: [UInt8]) {
    var borders = [Int](repeating: 0, count: bytes.count)
    var length = 0
    for index in bytes.indices.dropFirst() {
      while length > 0, bytes[index] != bytes[length] { length = borders[length - 1] }
      if bytes[index] == bytes[length] { length += 1 }
      borders[index] = length
    }
    self.bytes = bytes
    self.borders = borders
  }

  func first(in text: RawSpan, from start: Int, before end: Int) -> Int? {
    guard let head = bytes.first else { return start }
    var matched = 0
    var at = start
    while at < end {
      if matched == 0 {
        guard let next = text.first(head, from: at, before: end) else { return nil }
        at = next
      }
      let byte = text.byte(at)
      while matched > 0, byte != bytes[matched] { matched = borders[matched - 1] }
      if byte == bytes[matched] { matched += 1 }
      at += 1
      if matched == bytes.count { return at - matched }
    }
    return nil
  }
}
