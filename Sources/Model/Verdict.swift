/// How a run ended: given once, then frozen.
///
/// Each status carries only the reasons that belong to it, so that no impossible pair can be written.
public enum Verdict: Hashable, Sendable {
  /// The agent said so, and nothing spoke against it.
  case succeeded
  /// It did not do its work.
  case failed(Failure)
  /// Somebody ended it.
  case cancelled(Cancellation)
  /// It ran into a time limit.
  case timedOut(Timeout)
  /// Its tree ran out of memory.
  case outOfMemory(MemoryShortage)
  /// Its host died and nothing tells how the work went.
  case lost(Loss)

  /// Why a run failed.
  public enum Failure: String, CaseIterable, Hashable, Sendable {
    /// Its program could not be started.
    case spawn
    /// The agent said so.
    case agent
    /// It exited with another code than 0.
    case exit
    /// A signal ended it.
    case signal
    /// It ended well but never gave a result.
    case noResult = "no_result"
    /// It ended in the middle of a line.
    case truncated
    /// It wrote more than its `output` limit.
    case outputLimit = "output_limit"
    /// It had more processes and threads than its `tasks` limit.
    case taskLimit = "task_limit"
    /// It used more than its `cost` or `tokens` limit.
    case budget
    /// Reeve itself was at fault.
    case `internal`
  }

  /// Who ended a run.
  public enum Cancellation: String, CaseIterable, Hashable, Sendable {
    /// A client asked for it.
    case client
    /// The client that owned it vanished.
    case disconnect
    /// The host is stopping.
    case shutdown
    /// The run that started it was cancelled.
    case parent
  }

  /// Which clock ran out.
  public enum Timeout: String, CaseIterable, Hashable, Sendable {
    /// No sign of life.
    case start
    /// Nothing with content for too long.
    case idle
    /// One tool call took too long.
    case tool
    /// The whole run took too long.
    case wall
  }

  /// Whose memory ran out.
  public enum MemoryShortage: String, CaseIterable, Hashable, Sendable {
    /// The run's own limit was hit.
    case limit
    /// The machine's, or that of a group around the run.
    case system
  }

  /// What was lost.
  public enum Loss: String, CaseIterable, Hashable, Sendable {
    /// The host that watched the run.
    case hostDied = "host_died"
  }

  /// The status that the ledger keeps for it.
  public var status: Status {
    switch self {
    case .succeeded: .succeeded
    case .failed: .failed
    case .cancelled: .cancelled
    case .timedOut: .timedOut
    case .outOfMemory: .outOfMemory
    case .lost: .lost
    }
  }

  /// The word that says why, for every status but `succeeded`.
  public var reason: String? {
    switch self {
    case .succeeded: nil
    case .failed(let reason): reason.rawValue
    case .cancelled(let reason): reason.rawValue
    case .timedOut(let reason): reason.rawValue
    case .outOfMemory(let reason): reason.rawValue
    case .lost(let reason): reason.rawValue
    }
  }

  /// Every verdict there is.
  public static let all: [Verdict] =
    [.succeeded] + Failure.allCases.map { .failed($0) } + Cancellation.allCases.map { .cancelled($0) }
    + Timeout.allCases.map { .timedOut($0) } + MemoryShortage.allCases.map { .outOfMemory($0) }
    + Loss.allCases.map { .lost($0) }
}
