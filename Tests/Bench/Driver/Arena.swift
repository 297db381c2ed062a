import Glibc

/// Holds contests: rounds in which everybody has a turn.
struct Arena {
  let workshop: Workshop

  /// Measures everybody once a round; one who fails is not asked again.
  func hold(_ contest: Contest) throws -> Outcome {
    var outcome = Outcome(contest)
    var noise = Noise()
    let rounds = min(workshop.options.rounds, contest.mostRounds)
    for round in 1...rounds {
      let mark = workshop.count
      for (index, contestant) in contest.contestants.enumerated() where outcome.failures[index] == nil {
        Progress.say("\(contest.name) \(round)/\(rounds): \(contestant.name)")
        do {
          outcome.samples[index].append(try noise.watch(contestant.measure))
        } catch {
          outcome.failures[index] = "\(error)"
          Progress.say("  FAILED: \(error)")
        }
        // What was written is not to be written back while the next one works.
        sync()
      }
      if contest.leavesMuch { workshop.clear(since: mark) }
    }
    outcome.noise = noise.complaints
    outcome.judgeSpread()
    return outcome
  }
}

/// What is going on, for who watches.
enum Progress {
  static func say(_ text: String) {
    let line = text + "\n"
    _ = Glibc.write(STDERR_FILENO, line, line.utf8.count)
  }
}
