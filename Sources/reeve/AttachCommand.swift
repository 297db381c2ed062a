internal import Glibc
internal import Host
internal import Kernel
internal import Loop
internal import Model
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
    let (input, output) = (
      try Descriptor.duplicate(of: STDIN_FILENO).relinquish(), try Descriptor.duplicate(of: STDOUT_FILENO).relinquish()
    )
    try Worker("attach") {
      let host = Descriptor(owning: copy)
      // A host that has gone is noticed by who listens to it.
      guard carry(from: Descriptor(owning: input), to: host) else { return }
      hasEnded.store(true, ordering: .relaxed)
      // What was asked is still answered.
      shutdown(host.raw, Int32(SHUT_WR))
    }.detach()
    // Nobody who listens is no trouble: whoever attached has gone.
    guard !carry(from: host, to: Descriptor(owning: output)) || hasEnded.load(ordering: .relaxed) else {
      throw CommandFailure(.trouble, "the background host has gone")
    }
    return .succeeded
  }

  private static let hasEnded = Atomic<Bool>(false)

  /// How long it sleeps at most between two looks at what may come.
  private static let sleep = TimeSpan.seconds(3600)

  /// Carries bytes until there are no more; false when nobody takes them.
  private static func carry(from source: borrowing Descriptor, to sink: borrowing Descriptor) -> Bool {
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      _ = source.isReadable(within: sleep)
      switch piece.withUnsafeMutableBytes({ try? source.read(into: $0) }) {
      case .bytes(let count):
        guard (try? sink.writeAll(piece.span.bytes.extracting(first: count))) != nil else { return false }
      case .wouldBlock: continue
      case .end, nil: return true
      }
    }
  }
}
