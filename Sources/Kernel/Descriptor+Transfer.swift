internal import Glibc
public import Model

/// What a read found.
public enum ReadOutcome: Equatable, Sendable {
  /// This many bytes, at least one.
  case bytes(Int)
  /// Nothing now, on a nonblocking descriptor.
  case wouldBlock
  /// Nothing any more.
  case end
}

extension Descriptor {
  /// Reads what there is into a buffer, which must not be empty.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> ReadOutcome {
    do {
      let count = try retryingInterrupts("read") { Glibc.read(raw, buffer.baseAddress, buffer.count) }
      return count == 0 ? .end : .bytes(count)
    } catch {
      guard error.code == EAGAIN else { throw error }
      return .wouldBlock
    }
  }

  /// Writes what fits now: how many bytes went, 0 where a nonblocking descriptor would have to wait.
  public func write(_ bytes: RawSpan) throws(SystemError) -> Int {
    do {
      return try retryingInterrupts("write") {
        bytes.withUnsafeBytes { Glibc.write(raw, $0.baseAddress, $0.count) }
      }
    } catch {
      guard error.code == EAGAIN else { throw error }
      return 0
    }
  }

  /// Writes all of it, waiting as long as that takes.
  public func writeAll(_ bytes: RawSpan) throws(SystemError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = try write(rest)
      if count == 0 { try waitUntilWritable() }
      rest = rest.extracting(droppingFirst: count)
    }
  }

  /// Writes all of it to a nonblocking descriptor, waiting at most until then: whether it all went.
  public func writeAll(_ bytes: RawSpan, until deadline: Instant) throws(SystemError) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let count = try write(rest)
      if count == 0 {
        let patience = deadline - Clock.now()
        guard patience > .zero else { return false }
        try waitUntilWritable(for: Int32(clamping: patience.milliseconds + 1))
      }
      rest = rest.extracting(droppingFirst: count)
    }
    return true
  }

  private func waitUntilWritable(for milliseconds: Int32 = -1) throws(SystemError) {
    var interest = pollfd(fd: raw, events: Int16(POLLOUT), revents: 0)
    try retryingInterrupts("poll") { poll(&interest, 1, milliseconds) }
  }
}
