import Glibc
import Kernel
import Loop
import Model
import Synchronization
import Support
import Testing

/// The one suite of the loop: there is one loop in a process, and what a test counts on it must be its own doing.
@Suite(.tags(.medium), .serialized, .timeLimit(.minutes(5)))
struct LoopTests {}

/// The loop, on a thread of its own for as long as the tests run.
enum LoopThread {
  static let started = Result<Void, SystemError> { () throws(SystemError) in
    try Worker("loop") { Loop.main {} }.detach()
  }
}

/// Runs a piece of a test on the loop.
func onLoop<Value: Sendable>(_ body: @LoopActor @Sendable () throws -> Value) async throws -> Value {
  try LoopThread.started.get()
  return try await enter(body)
}

@LoopActor private func enter<Value: Sendable>(_ body: @LoopActor @Sendable () throws -> Value) rethrows -> Value {
  try body()
}

/// What happened on the loop, for a test to look at from outside.
final class Log<Entry: Sendable>: Sendable {
  private let entries = Mutex<[Entry]>([])
  var all: [Entry] { entries.withLock { $0 } }
  var count: Int { entries.withLock { $0.count } }
  func add(_ entry: Entry) { entries.withLock { $0.append(entry) } }
}

/// A source that does what its test says.
@LoopActor final class Probe: EventSource {
  var onReady: (Int, Readiness) -> Void = { _, _ in }
  var onTimer: (Int) -> Void = { _ in }
  /// Kept for as long as the test wants it watched.
  var watched: [Int: Holder] = [:]

  /// A place for a thing that cannot be copied.
  @LoopActor final class Holder {
    private var watched: Watched<Descriptor>?
    init(_ watched: consuming Watched<Descriptor>) { self.watched = consume watched }
    var raw: Int32? { watched?.owner.raw }
    func close() { watched.take()?.close() }
    func setInterest(_ interest: Readiness) { watched?.setInterest(interest) }
    func mute() { watched?.mute() }
  }

  nonisolated init() {}

  func ready(_ tag: Int, _ readiness: Readiness) { onReady(tag, readiness) }
  func timerFired(_ tag: Int) { onTimer(tag) }

  /// Watches a descriptor, and keeps it under its tag.
  func watch(_ descriptor: consuming Descriptor, tag: Int, for interest: Readiness = .readable) throws {
    watched[tag] = Holder(try Watched(descriptor, tag: tag, for: interest, source: self))
  }

  /// Closes all that it watches.
  func close() {
    for holder in watched.values { holder.close() }
    watched = [:]
  }
}

/// Takes a byte out of a pipe, so that it is no longer ready.
func drain(_ raw: Int32) {
  var byte: UInt8 = 0
  while read(raw, &byte, 1) < 0, errno == EINTR {}
}

/// The ends of a new pipe, apart.
func makePipe() throws -> (reader: Int32, writer: Int32) {
  let pipe = try Pipe.make()
  return (pipe.reader.relinquish(), pipe.writer.relinquish())
}

/// Which thread this is.
func currentThread() -> UInt { UInt(pthread_self()) }
