/// Cuts a stream of bytes into lines at 0x0A alone, and takes one trailing CR off each.
///
/// A line that lies whole inside a chunk is handed on where it lies; only one that spans chunks is copied. Bytes are
/// counted as they came, the CR included and the newline not, so that a verdict on a line's length never depends on
/// where the chunks happened to be cut.
public struct LineSplitter: ~Copyable {
  /// A carried line's buffer is kept for the next one up to this many bytes, a pipe's usual size: ordinary streams then
  /// allocate nothing a line, and one huge line does not pin its memory.
  static let keptCapacity = 64 * 1024

  private let limit: Int
  private var carried: [UInt8] = []
  /// Bytes seen so far of a line that has outgrown the limit; none of them is held.
  private var dropped = 0

  /// A splitter that skips lines of more than `limit` bytes.
  public init(limit: Int) { self.limit = limit }

  /// How many bytes of the unfinished line have been seen.
  public var pending: Int { dropped > 0 ? dropped : carried.count }

  /// Shows the unfinished line, if it is held, and keeps it: it may be whole but for its newline.
  public func peek(_ body: (RawSpan) -> Void) {
    if dropped == 0 && !carried.isEmpty { Self.give(carried.span.bytes, to: body) }
  }

  /// Takes the next bytes of the stream, calling `line` for every line they complete and `skipped`, with its size, for
  /// one over the limit.
  public mutating func feed(_ chunk: RawSpan, line: (RawSpan) -> Void, skipped: (Int) -> Void) {
    var start = 0
    while let newline = chunk.newline(from: start) {
      let part = chunk.extracting(start..<newline)
      if pending > 0 {
        carry(part)
        finish(line: line, skipped: skipped)
      } else if part.byteCount > limit {
        skipped(part.byteCount)
      } else {
        Self.give(part, to: line)
      }
      start = newline + 1
    }
    carry(chunk.extracting(start..<chunk.byteCount))
  }

  /// Takes the end of the stream: what is left over without a newline, if anything, is a line as well.
  public mutating func finish(line: (RawSpan) -> Void, skipped: (Int) -> Void) {
    if dropped > 0 {
      skipped(dropped)
      dropped = 0
    } else if !carried.isEmpty {
      Self.give(carried.span.bytes, to: line)
      if carried.capacity > Self.keptCapacity { carried = [] } else { carried.removeAll(keepingCapacity: true) }
    }
  }

  private mutating func carry(_ part: RawSpan) {
    if pending + part.byteCount > limit {
      dropped = pending + part.byteCount
      carried = []
    } else if part.byteCount > 0 {
      part.withUnsafeBytes { carried.append(contentsOf: $0) }
    }
  }

  private static func give(_ bytes: RawSpan, to line: (RawSpan) -> Void) {
    let last = bytes.byteCount - 1
    line(last >= 0 && bytes.byte(last) == 0x0D ? bytes.extracting(0..<last) : bytes)
  }
}
