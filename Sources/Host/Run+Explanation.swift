internal import Model
internal import Plugins

extension Run {
  /// One line that tells a person what went wrong, with the last thing the program said about it.
  func explanation(of verdict: Verdict) -> String? {
    let limits = preparation.limits
    let said = errorLog.lastLine.map { ": \($0)" } ?? ""
    return switch verdict {
    case .succeeded: nil
    case .failed(.agent): "the agent reported an error"
    case .failed(.spawn): "the program could not be started"
    case .failed(.exit): "\(ending)\(said)"
    case .failed(.signal): "\(ending)\(said)"
    case .failed(.noResult): "the program ended well but gave no result\(said)"
    case .failed(.truncated): "the program ended in the middle of a line\(said)"
    case .failed(.outputLimit): "it wrote more than \(limits.text(.output)) (the limit “output”)"
    case .failed(.taskLimit): "it had more than \(limits.text(.tasks)) processes and threads (the limit “tasks”)"
    case .failed(.budget): "it used more than its limit “cost” or “tokens” allows"
    case .failed(.internal): "Reeve could not go on with this run"
    case .cancelled(.client): "it was cancelled"
    case .cancelled(.disconnect): "its client went away"
    case .cancelled(.shutdown): "its host was stopped"
    case .cancelled(.parent): "the run that started it was cancelled"
    case .timedOut(.start): "it gave no sign of life for \(limits.text(.start)) (the limit “start”)\(said)"
    case .timedOut(.idle): "nothing with content came for \(limits.text(.idle)) (the limit “idle”)\(said)"
    case .timedOut(.tool): "a tool call took longer than \(limits.text(.tool)) (the limit “tool”)\(said)"
    case .timedOut(.wall): "it took longer than \(limits.text(.wall)) (the limit “wall”)"
    case .outOfMemory(.limit): "it used more than \(limits.text(.memory)) of memory (the limit “memory”)"
    case .outOfMemory(.system): "the machine ran out of memory"
    case .lost(.hostDied): "its host died"
    }
  }

  private var ending: String {
    switch record.exit {
    case .code(let code): "the program exited with code \(code)"
    case .signal(let signal): "the program was ended by \(SignalName.text(signal))"
    case nil: "the program said that it had succeeded, and did not exit in time to prove it"
    }
  }
}
