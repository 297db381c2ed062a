internal import Glibc
internal import Kernel
internal import Loop
internal import Synchronization

/// Writes to stdout and stderr on a thread of its own, so that a terminal that is held, or a pipe that nobody reads,
/// holds up no run.
final class Printer: Sendable {
  private enum Message: Sendable {
    case write([UInt8], Int32)
    case end
  }

  /// What may wait to be written; a live text beyond that is left out, since the record has it all.
  private static let patience = 4 << 20

  private let inbox: Port<Message>
  private let ended: Port<Bool>
  private let waiting = Atomic<Int>(0)

  init() throws(SystemError) {
    inbox = try Port(blocking: true)
    ended = try Port(blocking: false)
    try Worker("printer") { [self] in serve() }.detach()
  }

  /// Writes this, in its turn.
  func write(_ bytes: [UInt8], to descriptor: Int32) {
    waiting.add(bytes.count, ordering: .relaxed)
    inbox.send(.write(bytes, descriptor))
  }

  /// Whether the other end keeps up.
  var keepsUp: Bool { waiting.load(ordering: .relaxed) < Self.patience }

  /// Nothing more will come: gives what becomes readable when everything is written.
  func finish() throws(SystemError) -> Descriptor {
    inbox.send(.end)
    return try ended.watchable()
  }

  private func serve() {
    var messages: [Message] = []
    while true {
      inbox.take(&messages)
      for message in messages {
        switch message {
        case .write(let bytes, let descriptor):
          Terminal.write(bytes, to: descriptor)
          waiting.subtract(bytes.count, ordering: .relaxed)
        case .end:
          Terminal.tellTrouble()
          return ended.send(true)
        }
      }
      messages.removeAll(keepingCapacity: true)
    }
  }
}
