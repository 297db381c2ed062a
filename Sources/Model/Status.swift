/// How the work of a run goes, or went.
public enum Status: String, CaseIterable, Hashable, Sendable {
  /// Accepted; not yet begun.
  case queued
  /// Its launch is under way.
  case starting
  /// Its process lives and has not been judged.
  case running
  /// The agent said so, and nothing spoke against it.
  case succeeded
  /// It did not do its work; the reason says why.
  case failed
  /// Somebody ended it.
  case cancelled
  /// It ran into a time limit.
  case timedOut = "timed_out"
  /// Its tree ran out of memory.
  case outOfMemory = "out_of_memory"
  /// Its host died and nothing tells how the work went.
  case lost

  /// Whether this is an end: it never changes again.
  public var isTerminal: Bool { successors.isEmpty }

  /// What may come next. The ledger's triggers are generated from this table.
  public var successors: [Status] {
    switch self {
    case .queued: [.starting, .failed, .cancelled, .timedOut, .lost]
    case .starting: [.running, .succeeded, .failed, .cancelled, .timedOut, .outOfMemory, .lost]
    case .running: [.succeeded, .failed, .cancelled, .timedOut, .outOfMemory, .lost]
    case .succeeded, .failed, .cancelled, .timedOut, .outOfMemory, .lost: []
    }
  }

  /// The states that a run passes through.
  public static let live: [Status] = allCases.filter { !$0.isTerminal }
  /// The states in which a run ends.
  public static let terminal: [Status] = allCases.filter { $0.isTerminal }
}

/// What became of the processes of a run; has no say in how the work went.
public enum Disposal: String, CaseIterable, Hashable, Sendable {
  /// There is no process, or not yet.
  case none
  /// The process lives and works.
  case alive
  /// The verdict is given; the process has its own time to leave.
  case leaving
  /// It was told to stop.
  case terminating
  /// It is being killed.
  case killing
  /// Nothing of it is left.
  case gone
  /// It survived SIGKILL; it is listed and looked at again for ever, and blocks nothing.
  case stuck

  /// Whether slots, locks and files of the run are free again.
  public var isReleased: Bool { self == .none || self == .gone || self == .stuck }
}
