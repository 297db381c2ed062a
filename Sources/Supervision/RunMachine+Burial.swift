public import Model

/// From the verdict to the grave: leave, stop, kill, give up. None of it can change the verdict.
extension RunMachine {
  /// What became of the processes, as the ledger keeps it.
  public var disposal: Disposal {
    switch state {
    case .queued, .starting: .none
    case .running, .concluding: .alive
    case .leaving: .leaving
    case .aborting, .terminating: .terminating
    case .killing: .killing
    case .stuck: .stuck
    case .gone: hadProcess ? .gone : .none
    }
  }

  /// How soon a killed tree is killed again: a fork in flight may have escaped the first blow.
  static let strikeInterval = TimeSpan.milliseconds(100)
  /// How soon a stuck tree is looked at again, at first and at most.
  static let recheckIntervals = TimeSpan.seconds(1)...TimeSpan.seconds(60)

  /// Gives the verdict. The run's own clocks stop with it.
  mutating func settle(_ verdict: Verdict) -> Actions {
    self.verdict = verdict
    timers.disarmAll()
    return Actions(settle: verdict)
  }

  mutating func settleAndLetLeave(_ verdict: Verdict, at now: Instant) -> Actions {
    let actions = settle(verdict)
    state = .leaving
    timers.arm(.leave, at: now, after: terms.leave)
    return actions
  }

  /// Ends a run that has not come to its own end; one that was judged already is only buried sooner.
  mutating func endEarly(_ verdict: Verdict, at now: Instant) -> Actions {
    switch state {
    case .queued:
      var actions = settle(verdict)
      actions.add(end())
      return actions
    case .starting:
      state = .aborting
      return settle(verdict)
    case .running:
      var actions = settle(verdict)
      actions.add(stop(at: now))
      return actions
    case .concluding(let word):
      // It has spoken before this happened: the earlier fact decides, as far as it can.
      var actions = settle(Judgement.withoutExit(word, because: verdict, terms: terms))
      actions.add(stop(at: now))
      return actions
    case .leaving: return stop(at: now)
    case .terminating:
      if urgency == .now { timers.shorten(.grace, to: now + RunMachine.shortGrace) }
      return .none
    case .aborting, .killing, .stuck, .gone: return .none
    }
  }

  /// Asks the tree to stop.
  mutating func stop(at now: Instant) -> Actions {
    state = .terminating
    timers.disarmAll()
    timers.arm(.grace, at: now, after: urgency == .now ? min(RunMachine.shortGrace, terms.grace) : terms.grace)
    return Actions(tree: .stop)
  }

  mutating func leaveRanOut(at now: Instant) -> Actions {
    var actions = Actions.none
    if case .concluding(let word) = state {
      actions = settle(Judgement.withoutExit(word, because: nil, terms: terms))
    } else if state != .leaving {
      return .none
    }
    actions.flags.insert(.lingered)
    actions.add(stop(at: now))
    return actions
  }

  mutating func graceRanOut(at now: Instant) -> Actions {
    state == .terminating ? kill(at: now) : .none
  }

  /// Kills the tree.
  mutating func kill(at now: Instant) -> Actions {
    state = .killing
    timers.disarmAll()
    timers.arm(.bury, at: now, after: terms.bury)
    timers.arm(.again, at: now, after: RunMachine.strikeInterval)
    return Actions(flags: hasLeaderExited ? .leftovers : [], tree: .kill)
  }

  mutating func buryRanOut(at now: Instant) -> Actions {
    guard state == .killing else { return .none }
    let actions = quarantine()
    timers.arm(.again, at: now, after: RunMachine.recheckIntervals.lowerBound)
    return actions
  }

  /// Kills once more what is still there: soon while it is being killed, ever more rarely once it is stuck.
  mutating func strikeAgain(at now: Instant) -> Actions {
    switch state {
    case .killing: timers.arm(.again, at: now, after: RunMachine.strikeInterval)
    case .stuck:
      strikes = min(strikes + 1, 6)
      let longer = TimeSpan(nanoseconds: RunMachine.recheckIntervals.lowerBound.nanoseconds << Int64(strikes))
      timers.arm(.again, at: now, after: min(longer, RunMachine.recheckIntervals.upperBound))
    case .queued, .starting, .running, .concluding, .aborting, .leaving, .terminating, .gone: return .none
    }
    return Actions(tree: .kill)
  }

  /// Gives the tree up, for others' sake.
  mutating func quarantine() -> Actions {
    state = .stuck
    timers.disarmAll()
    return Actions(ending: .quarantine)
  }

  /// Nothing is left.
  mutating func end() -> Actions {
    state = .gone
    timers.disarmAll()
    return Actions(ending: .release)
  }
}
