internal import Glibc

/// What a line of plain text must look like: literal text, `*` for anything, and `{name}` for a part that is wanted.
struct TextPattern: Hashable, Sendable {
  private enum Piece: Hashable, Sendable {
    case literal([UInt8])
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
      if !literal.isEmpty { pieces.append(.literal(literal)) }
      literal = []
      pieces.append(.gap(isPart ? names.count : nil))
      if isPart {
        names.append(String(name))
        rest = rest[rest.index(after: name.endIndex)...]
      }
    }
    if !literal.isEmpty { pieces.append(.literal(literal)) }
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
          found = text.has(literal, at: at, before: range.upperBound) ? at : nil
        } else if index == pieces.count - 1 {
          let start = range.upperBound - literal.count
          found = start >= at && text.has(literal, at: start, before: range.upperBound) ? start : nil
        } else {
          found = text.first(literal, from: at, before: range.upperBound)
        }
        guard let found else { return false }
        close(at: found)
        at = found + literal.count
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

  fileprivate func first(_ literal: [UInt8], from start: Int, before end: Int) -> Int? {
    guard let head = literal.first else { return start }
    var at = start
    while at < end, let next = first(head, from: at, before: end) {
      if has(literal, at: next, before: end) { return next }
      at = next + 1
    }
    return nil
  }

  private func first(_ byte: UInt8, from start: Int, before end: Int) -> Int? {
    withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return nil }
      return memchr(base + start, Int32(byte), end - start).map { UnsafeRawPointer($0) - base }
    }
  }
}
