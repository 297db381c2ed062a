internal import Glibc

/// An open file descriptor with one owner, closed when that owner lets go of it.
public struct Descriptor: ~Copyable, Sendable {
  /// The number, for calls that borrow it.
  public let raw: Int32

  /// Takes over a descriptor that nobody else will close.
  public init(owning raw: Int32) { self.raw = raw }

  deinit {
    // Linux lets go of the number whatever close says, so only EBADF matters: somebody closed a descriptor that was not
    // theirs, and the next to be opened under this number would be closed in its turn. No data is safe after that.
    if Glibc.close(raw) < 0, errno == EBADF {
      fatalError("descriptor \(raw) was closed by someone who did not own it")
    }
  }

  /// Closes it now, where the end of its scope would be too late.
  public consuming func close() {}

  /// Gives up ownership: whoever takes the number must close it.
  public consuming func relinquish() -> Int32 {
    let raw = raw
    discard self
    return raw
  }

  /// A second descriptor of the same open file, closed on exec.
  public func duplicate() throws(SystemError) -> Descriptor { try Descriptor.duplicate(of: raw) }

  /// Another descriptor of what an open one stands for, which stays its owner's.
  public static func duplicate(of raw: Int32) throws(SystemError) -> Descriptor {
    let copy = try retryingInterrupts("fcntl") { fcntl(raw, F_DUPFD_CLOEXEC, 0) }
    return Descriptor(owning: copy)
  }

  /// Makes reads and writes return at once when they would have to wait.
  public func setNonblocking() throws(SystemError) {
    let flags = try retryingInterrupts("fcntl") { fcntl(raw, F_GETFL) }
    try retryingInterrupts("fcntl") { fcntl(raw, F_SETFL, flags | O_NONBLOCK) }
  }

  /// How many descriptors this process has open.
  public static func openCount() throws(SystemError) -> Int {
    let list = try Directory.open("/proc/self/fd", following: true)
    // One is the list itself, and one is what reads it.
    return try list.entries().count - 2
  }
}
