internal import CLinux
internal import Glibc

/// Wakes a thread that waits in epoll or in a read: an eventfd.
public struct Bell: ~Copyable, Sendable {
  /// What becomes readable when it rings.
  public let descriptor: Descriptor

  /// A bell that has not rung. `hear` waits for a ring if it is blocking.
  public init(blocking: Bool) throws(SystemError) {
    let flags = Int32(EFD_CLOEXEC) | (blocking ? 0 : Int32(EFD_NONBLOCK))
    descriptor = Descriptor(owning: try retryingInterrupts("eventfd") { eventfd(0, flags) })
  }

  /// Rings. Nothing can go wrong with that but a counter that is full, and then it has rung enough.
  public func ring() {
    var one: UInt64 = 1
    while write(descriptor.raw, &one, MemoryLayout<UInt64>.size) < 0, errno == EINTR {}
  }

  /// Gives up all but what becomes readable when it rings.
  public consuming func relinquish() -> Descriptor { descriptor }

  /// Takes all rings so far together, and says whether there were any.
  @discardableResult
  public func hear() -> Bool {
    var count: UInt64 = 0
    while read(descriptor.raw, &count, MemoryLayout<UInt64>.size) < 0, errno == EINTR {}
    return count > 0
  }
}
