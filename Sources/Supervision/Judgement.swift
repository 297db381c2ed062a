public import Model

/// What the agent itself said about how its work went.
public enum FinalWord: Hashable, Sendable {
  /// It is done.
  case success
  /// It could not do it.
  case failure
}

/// A limit that the shell, not a timer, finds exceeded.
public enum Breach: CaseIterable, Hashable, Sendable {
  /// More transcript than `output` allows.
  case output
  /// More processes and threads than `tasks` allows.
  case tasks
  /// More money or tokens than allowed.
  case budget
  /// More memory than `memory` allows.
  case memory
  /// The machine's memory ran out, or that of a group around the run.
  case systemMemory

  /// Whether every further moment of it harms others: such a tree is killed at once, not asked to stop.
  var isHazard: Bool {
    switch self {
    case .output, .budget: false
    case .tasks, .memory, .systemMemory: true
    }
  }

  var verdict: Verdict {
    switch self {
    case .output: .failed(.outputLimit)
    case .tasks: .failed(.taskLimit)
    case .budget: .failed(.budget)
    case .memory: .outOfMemory(.limit)
    case .systemMemory: .outOfMemory(.system)
    }
  }
}

/// The verdict table: what the agent said, checked against what its process did.
///
/// The rows are those of docs/states.md; the first that matches decides.
public enum Judgement {
  /// The verdict on a final word, as far as it can be given before the exit is known; nil means wait for it.
  public static func onWord(_ word: FinalWord, terms: Terms) -> Verdict? {
    switch word {
    case .failure: .failed(.agent)
    case .success: terms.successNeedsExit ? nil : .succeeded
    }
  }

  /// The verdict when the agent says that there is nothing more to come, by what it said last.
  public static func onDone(_ evidence: FinalWord) -> Verdict {
    switch evidence {
    case .success: .succeeded
    case .failure: .failed(.agent)
    }
  }

  /// The verdict when the process has ended.
  public static func onExit(_ exit: ProcessExit, word: FinalWord?, isLastLineCut: Bool, terms: Terms) -> Verdict {
    switch (word, exit) {
    case (.failure, _): .failed(.agent)
    case (.success, _) where !terms.successNeedsExit || exit.isSuccess: .succeeded
    case (_, .signal): .failed(.signal)
    case (_, .code) where !exit.isSuccess: .failed(.exit)
    // Judged by its exit, a program need not speak in lines.
    case (_, .code) where terms.basis == .exit: .succeeded
    case (_, .code) where isLastLineCut: .failed(.truncated)
    case (_, .code): .failed(.noResult)
    }
  }

  /// The verdict when the wait for an exit ends without one, for a reason or because its time is up.
  public static func withoutExit(_ word: FinalWord, because reason: Verdict?, terms: Terms) -> Verdict {
    onWord(word, terms: terms) ?? reason ?? .failed(.exit)
  }
}
