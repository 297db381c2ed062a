public import Kernel
public import Model
internal import Synchronization

/// A queue from some threads to one, with a bell: one write for a burst of messages, not one for each.
public final class Port<Message: Sendable>: Sendable {
  private let queue = Mutex<[Message]>([])
  private let bell: Bell

  /// With `blocking`, `take` sleeps until something comes; otherwise the loop watches `watchable()`.
  public init(blocking: Bool) throws(SystemError) { bell = try Bell(blocking: blocking) }

  /// Puts a message into the queue.
  public func send(_ message: Message) {
    let isFirst = queue.withLock { queue in
      queue.append(message)
      return queue.count == 1
    }
    if isFirst { bell.ring() }
  }

  /// Takes all that waits; a blocking port sleeps until something comes, at most as long as said.
  ///
  /// It may come back with nothing: the ring of a message that was already taken can come after it.
  ///
  /// `into` must be empty; its storage is reused, so that a steady state allocates nothing.
  public func take(_ into: inout [Message], for patience: TimeSpan? = nil) {
    if let patience, !bell.descriptor.isReadable(within: patience) { return }
    bell.hear()
    queue.withLock { swap(&$0, &into) }
  }

  /// A descriptor that becomes readable when something is sent.
  public func watchable() throws(SystemError) -> Descriptor { try bell.descriptor.duplicate() }
}
