import Kernel
import Model
import Wire

/// Cuts what a host says into messages, as cheaply as can be: it shares the processors with what is measured.
struct MessageReader: ~Copyable {
  private var buffer = [UInt8](repeating: 0, count: 1 << 20)
  private var begin = 0
  private var end = 0
  private var searched = 0
  /// When the newest bytes came.
  private(set) var arrived = Instant(nanoseconds: 0)

  /// Shows the next message, for which it waits; nil when the other side has hung up.
  mutating func next<Result>(
    from program: Program, until deadline: Instant, _ body: (RawSpan) throws -> Result
  ) throws -> Result? {
    while true {
      if let newline = buffer.span.bytes.extracting(0..<end).newline(from: searched) {
        let message = begin..<newline
        begin = newline + 1
        searched = begin
        return try body(buffer.span.bytes.extracting(message))
      }
      searched = end
      guard try fill(from: program, until: deadline) else { return nil }
    }
  }

  private mutating func fill(from program: Program, until deadline: Instant) throws -> Bool {
    if begin == end {
      (begin, end, searched) = (0, 0, 0)
    } else if end == buffer.count {
      buffer.replaceSubrange(0..<end - begin, with: buffer[begin..<end])
      (begin, end, searched) = (0, end - begin, searched - begin)
      if end > buffer.count / 2 { buffer += [UInt8](repeating: 0, count: buffer.count) }
    }
    let start = end
    let count = try buffer.withUnsafeMutableBytes { bytes in
      try program.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[start...]), until: deadline)
    }
    arrived = Clock.now()
    end += count
    return count > 0
  }
}
