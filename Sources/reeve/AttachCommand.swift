internal import Glibc
internal import Host
internal import Kernel
internal import Loop
internal import Synchronization

/// `reeve attach`
enum AttachCommand {
  static var command: Command {
    Command(
      name: "attach", words: "", least: 0, most: 0, options: [],
      summary: "Carries stdin and stdout to the background host, which it starts when there is none.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let client = try Background(try Surroundings()).connect()
    let host = try client.connection()
    let copy = try client.connection().relinquish()
    SignalQueue.ignoreWriteSignals()
    try Worker("attach") {
      let host = Descriptor(owning: copy)
      // A host that has gone is noticed by who listens to it.
      guard carry(from: STDIN_FILENO, to: host.raw) else { return }
      hasEnded.store(true, ordering: .relaxed)
      // What was asked is still answered.
      shutdown(host.raw, Int32(SHUT_WR))
    }.detach()
    // Nobody who listens is no trouble: whoever attached has gone.
    guard !carry(from: host.raw, to: STDOUT_FILENO) || hasEnded.load(ordering: .relaxed) else {
      throw CommandFailure(.trouble, "the background host has gone")
    }
    return .succeeded
  }

  private static let hasEnded = Atomic<Bool>(false)

  /// Carries bytes until there are no more; false when nobody takes them.
  private static func carry(from source: Int32, to sink: Int32) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 4096) { piece in
      while true {
        wait(for: source, POLLIN)
        let count = read(source, piece.baseAddress, piece.count)
        if count < 0 && (errno == EAGAIN || errno == EINTR) { continue }
        guard count > 0 else { return true }
        guard write(UnsafeRawBufferPointer(rebasing: piece[..<count]), to: sink) else { return false }
      }
    }
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to sink: Int32) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = Glibc.write(sink, bytes.baseAddress.map { $0 + sent }, bytes.count - sent)
      if count >= 0 {
        sent += count
      } else if errno == EAGAIN {
        wait(for: sink, POLLOUT)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }

  private static func wait(for descriptor: Int32, _ events: Int32) {
    var interest = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    poll(&interest, 1, -1)
  }
}
