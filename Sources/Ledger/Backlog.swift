internal import Synchronization

/// How many changes were handed to the ledger, and how many of them are safe; counted by the thread that hands them in
/// and by the one that writes, and looked at when a host ends.
public final class Backlog: Sendable {
  /// What a host leaves behind.
  public struct Remainder: Equatable, Sendable {
    /// Changes that are not in the ledger.
    public let unwritten: Int
    /// Changes that are not even in the spill.
    public let lost: Int
  }

  private let sent = Atomic<Int>(0)
  private let written = Atomic<Int>(0)
  private let kept = Atomic<Int>(0)

  func noteSent() { sent.add(1, ordering: .relaxed) }

  func noteWritten() { written.add(1, ordering: .relaxed) }

  /// It is in the spill, or was written without having been there.
  func noteKept() { kept.add(1, ordering: .relaxed) }

  var remainder: Remainder {
    let sent = sent.load(ordering: .relaxed)
    return Remainder(
      unwritten: sent - written.load(ordering: .relaxed), lost: sent - kept.load(ordering: .relaxed))
  }
}
