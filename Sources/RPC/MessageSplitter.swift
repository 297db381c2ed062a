internal import Wire

/// Cuts a stream of bytes into messages, of which each says by its first byte how it is framed: `C` begins a header with
/// its length, anything else a line.
///
/// A message that lies whole inside a chunk is handed on where it lies; only one that spans chunks is copied. One that is
/// too long is never held.
public struct MessageSplitter: ~Copyable {
  /// Why a message cannot be had.
  public enum Refusal: Error, Equatable, Sendable {
    /// It has so many bytes, and that is too many. The next one can be had.
    case tooLong(Int)
    /// Its header makes no sense: nobody can tell where the next message begins, and nothing more is read.
    case badHeader(String)
    /// The stream ended in the middle of it.
    case cutOff
  }

  private enum State {
    case between
    case line
    case header
    case body(Int)
    /// So many bytes of a body that is too long are still to come.
    case skipped(Int)
    case broken
  }

  /// Headers have two short lines.
  static let longestHeader = 4096
  /// A buffer is kept for the next message up to this many bytes.
  static let keptCapacity = 64 * 1024

  private let limit: Int
  private var state = State.between
  private var carried: [UInt8] = []
  /// Bytes seen of a line that has outgrown the limit; none of them is held.
  private var dropped = 0

  /// A splitter that refuses messages of more than `limit` bytes.
  public init(limit: Int) { self.limit = limit }

  /// Takes the next bytes of the stream; tells each message that they complete and each that cannot be had.
  public mutating func feed(
    _ chunk: RawSpan, message: (Framing, RawSpan) -> Void, refused: (Framing, Refusal) -> Void
  ) {
    var at = 0
    while at < chunk.byteCount {
      let rest = chunk.extracting(droppingFirst: at)
      switch state {
      case .between: at += begin(rest)
      case .line: at += takeLine(rest, message, refused)
      case .header: at += takeHeader(rest, refused)
      case .body(let length): at += takeBody(rest, length, message)
      case .skipped(let left):
        let count = min(left, rest.byteCount)
        state = count == left ? .between : .skipped(left - count)
        at += count
      case .broken: return
      }
    }
  }

  /// Takes the end of the stream. A last line without its newline is a message as well.
  public mutating func finish(message: (Framing, RawSpan) -> Void, refused: (Framing, Refusal) -> Void) {
    switch state {
    case .between, .broken: break
    case .line: endLine(message, refused)
    case .header, .body, .skipped: refused(.headers, .cutOff)
    }
    state = .broken
    carried = []
  }

  // MARK: - Parts; each says how many bytes it has taken

  private mutating func begin(_ rest: RawSpan) -> Int {
    var count = 0
    while count < rest.byteCount, Self.isWhite(rest.byte(count)) { count += 1 }
    guard count < rest.byteCount else { return count }
    switch rest.byte(count) {
    case UInt8(ascii: "C"), UInt8(ascii: "c"): state = .header
    default: state = .line
    }
    return count
  }

  private mutating func takeLine(
    _ rest: RawSpan, _ message: (Framing, RawSpan) -> Void, _ refused: (Framing, Refusal) -> Void
  ) -> Int {
    guard let end = rest.newline(from: 0) else {
      carryLine(rest)
      return rest.byteCount
    }
    let line = rest.extracting(0..<end)
    state = .between
    if carried.isEmpty && dropped == 0 && line.byteCount <= limit {
      message(.lines, line)
    } else {
      carryLine(line)
      endLine(message, refused)
    }
    return end + 1
  }

  private mutating func carryLine(_ part: RawSpan) {
    if dropped > 0 || carried.count + part.byteCount > limit {
      dropped += carried.count + part.byteCount
      carried = []
    } else {
      part.append(0..<part.byteCount, to: &carried)
    }
  }

  private mutating func endLine(_ message: (Framing, RawSpan) -> Void, _ refused: (Framing, Refusal) -> Void) {
    if dropped > 0 {
      refused(.lines, .tooLong(dropped))
      dropped = 0
    } else {
      message(.lines, carried.span.bytes)
      forget()
    }
  }

  private mutating func takeHeader(_ rest: RawSpan, _ refused: (Framing, Refusal) -> Void) -> Int {
    for count in 0..<rest.byteCount {
      carried.append(rest.byte(count))
      guard Self.endsHeader(carried) else {
        guard carried.count < Self.longestHeader else { return fail(rest, "it has no end", refused) }
        continue
      }
      do {
        let length = try Self.length(in: carried)
        forget()
        if length > limit { refused(.headers, .tooLong(length)) }
        // A body without a byte is no message, and takes none to skip.
        state = length == 0 ? .between : length > limit ? .skipped(length) : .body(length)
        return count + 1
      } catch {
        return fail(rest, error.what, refused)
      }
    }
    return rest.byteCount
  }

  private mutating func fail(_ rest: RawSpan, _ what: String, _ refused: (Framing, Refusal) -> Void) -> Int {
    state = .broken
    carried = []
    refused(.headers, .badHeader(what))
    return rest.byteCount
  }

  private mutating func takeBody(_ rest: RawSpan, _ length: Int, _ message: (Framing, RawSpan) -> Void) -> Int {
    let count = min(length - carried.count, rest.byteCount)
    let part = rest.extracting(first: count)
    let isWhole = carried.count + count == length
    if isWhole { state = .between }
    if isWhole && carried.isEmpty {
      message(.headers, part)
    } else {
      part.append(0..<count, to: &carried)
      guard isWhole else { return count }
      message(.headers, carried.span.bytes)
      forget()
    }
    return count
  }

  private mutating func forget() {
    if carried.capacity > Self.keptCapacity { carried = [] } else { carried.removeAll(keepingCapacity: true) }
  }

  // MARK: - Headers

  private struct BadHeader: Error {
    let what: String
  }

  private static func isWhite(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  /// An empty line ends it; its lines end with CR LF, and from lenient clients with LF.
  private static func endsHeader(_ bytes: [UInt8]) -> Bool {
    guard bytes.last == 0x0A else { return false }
    let rest = bytes.dropLast()
    return rest.last == 0x0A || rest.last == 0x0D && rest.dropLast().last == 0x0A
  }

  private static func length(in header: [UInt8]) throws(BadHeader) -> Int {
    var length: Int?
    for line in header.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
      let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(decoding: parts[0], as: UTF8.self)
      guard parts.count == 2 else { throw BadHeader(what: "a line without a colon: “\(name.prefix(80))”") }
      guard name.lowercased() == "content-length" else { continue }
      let digits = parts[1].filter { !isWhite($0) }
      guard length == nil, digits.allSatisfy({ (0x30...0x39).contains($0) }),
        let number = Int(String(decoding: digits, as: UTF8.self))
      else { throw BadHeader(what: "Content-Length must be one number of bytes") }
      length = number
    }
    guard let length else { throw BadHeader(what: "Content-Length is missing") }
    return length
  }
}
