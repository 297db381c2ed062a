internal import Model

extension Verdict {
  /// One line that tells a person what went wrong, with what the program said about it; nil for a success.
  ///
  /// `overspent` is the limit on what is used up that was gone over, if one was.
  func explanation(exit: ProcessExit?, said: String?, limits: Limits, overspent: LimitName? = nil) -> String? {
    let ending = Self.ending(exit)
    let words = said.map { ": \($0)" } ?? ""
    return switch self {
    case .succeeded: nil
    case .failed(.agent): said ?? "the agent reported an error without saying which"
    case .failed(.spawn): "the program could not be started"
    case .failed(.exit): "\(ending)\(words)"
    case .failed(.signal): "\(ending)\(words)"
    case .failed(.noResult): "the program ended well but gave no result\(words)"
    case .failed(.truncated): "the program ended in the middle of a line\(words)"
    case .failed(.outputLimit): "it wrote more than \(limits.text(.output)) (the limit “output”)"
    case .failed(.taskLimit): "it had more than \(limits.text(.tasks)) processes and threads (the limit “tasks”)"
    case .failed(.budget):
      "it used more than \(overspent.map { "\(limits.text($0)) (the limit “\($0.rawValue)”)" } ?? "it may")"
    case .failed(.internal): "Reeve could not go on with this run"
    case .cancelled(.client): "it was cancelled"
    case .cancelled(.disconnect): "its client went away"
    case .cancelled(.shutdown): "its host was stopped"
    case .cancelled(.parent): "the run that started it was cancelled"
    case .timedOut(.start): "it gave no sign of life for \(limits.text(.start)) (the limit “start”)\(words)"
    case .timedOut(.idle): "nothing with content came for \(limits.text(.idle)) (the limit “idle”)\(words)"
    case .timedOut(.tool): "a tool call took longer than \(limits.text(.tool)) (the limit “tool”)\(words)"
    case .timedOut(.wall): "it took longer than \(limits.text(.wall)) (the limit “wall”)\(words)"
    case .outOfMemory(.limit): "it used more than \(limits.text(.memory)) of memory (the limit “memory”)"
    case .outOfMemory(.system): "the machine ran out of memory"
    case .lost(.hostDied): "its host died before it was done"
    }
  }

  private static func ending(_ exit: ProcessExit?) -> String {
    switch exit {
    case .code(let code): "the program exited with code \(code)"
    case .signal(let signal): "the program was ended by \(SignalName.text(signal))"
    case nil: "the program said that it had succeeded, and did not exit in time to prove it"
    }
  }
}
