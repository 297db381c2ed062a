internal import CLinux
internal import Glibc

/// The two ends of a pipe.
@frozen
public struct Pipe: ~Copyable, Sendable {
  /// Where bytes come out.
  public let reader: Descriptor
  /// Where bytes go in.
  public let writer: Descriptor

  @usableFromInline
  init(reader: consuming Descriptor, writer: consuming Descriptor) {
    self.reader = reader
    self.writer = writer
  }

  /// A new pipe, both ends closed on exec and blocking, but for what is read by who must not wait.
  public static func make(readsBlock: Bool = true) throws(SystemError) -> Pipe {
    var ends: [Int32] = [-1, -1]
    try retryingInterrupts("pipe2") { cl_pipe2(&ends, O_CLOEXEC) }
    let pipe = Pipe(reader: Descriptor(owning: ends[0]), writer: Descriptor(owning: ends[1]))
    // A pipe that is new has no other flag that could be lost.
    if !readsBlock { try retryingInterrupts("fcntl") { fcntl(ends[0], F_SETFL, O_NONBLOCK) } }
    return pipe
  }
}

extension Descriptor {
  /// Asks that this pipe hold so many bytes, and tells how many it holds: the kernel rounds up, and refuses a user who
  /// already has much in pipes.
  public func resizePipe(to bytes: Int32) throws(SystemError) -> Int {
    let size = cl_set_pipe_size(raw, bytes)
    if size >= 0 { return Int(size) }
    guard errno == EPERM || errno == EBUSY else { throw .last("fcntl") }
    return Int(try retryingInterrupts("fcntl") { fcntl(raw, cl_get_pipe_size) })
  }

  /// Whether all that was written to this pipe has been read, and nobody can write to it any more.
  public var isAtEnd: Bool {
    var interest = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
    return poll(&interest, 1, 0) == 1 && interest.revents & Int16(POLLIN | POLLHUP) == Int16(POLLHUP)
  }

  /// How many bytes wait to be read.
  public func bytesWaiting() throws(SystemError) -> Int {
    var count: Int32 = 0
    try retryingInterrupts("ioctl") { cl_bytes_waiting(raw, &count) }
    return Int(count)
  }
}
