/// Bytes that wait to be sent, the oldest first.
public struct Outgoing: Sendable {
  /// A buffer is kept for what comes next up to this many bytes, and what was sent out of its middle is let go.
  static let kept = 512 * 1024

  private var bytes: [UInt8] = []
  private var sent = 0

  /// How many there are.
  public var count: Int { bytes.count - sent }

  /// Shows what waits.
  public func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(bytes.span.bytes.extracting(droppingFirst: sent))
  }

  mutating func append(_ message: RPCMessage, framed framing: Framing) { framing.append(message, to: &bytes) }

  mutating func append(json: [UInt8], framed framing: Framing) { framing.append(to: &bytes) { $0 += json } }

  mutating func remove(_ count: Int) {
    sent += count
    if sent == bytes.count {
      bytes.removeAll(keepingCapacity: bytes.capacity <= Self.kept)
      sent = 0
    } else if sent > max(Self.kept, count) {
      // A client that always lags behind never has everything. What is moved is less than what was sent.
      bytes.removeFirst(sent)
      sent = 0
    }
  }
}
