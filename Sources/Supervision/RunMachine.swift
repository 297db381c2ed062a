public import Model

/// The life of one run as a state machine: events in (past tense), actions out (imperative).
///
/// It has no clock, does no I/O and logs nothing: every event says when it happened. docs/states.md holds the
/// table of all states and events; a test compares it with this code. Nothing here waits for a process: a
/// verdict is given with the event that decides it, and what follows is burial.
public struct RunMachine: ~Copyable {
  /// Where a run stands.
  public enum State: Hashable, Sendable {
    /// Accepted; its row is not in the ledger yet, so nothing may be started.
    case queued
    /// Its launch is under way.
    case starting
    /// Its process lives and has said nothing final.
    case running
    /// It has said a final word that is not judged yet, because a later word or its exit may count.
    case concluding(FinalWord)
    /// Judged while its launch is under way: what the launch brings is to be stopped.
    case aborting
    /// Judged; its process has its own time to leave.
    case leaving
    /// Judged; its tree was told to stop.
    case terminating
    /// Judged; its tree was killed.
    case killing
    /// Judged; its tree survived the kill, or its launch never came back.
    case stuck
    /// Judged; nothing of it is left.
    case gone
  }

  /// What an event of the agent's output means for the clocks.
  public enum Sign: Hashable, Sendable {
    /// It lives: a line without content, or a byte on stderr.
    case life
    /// It gets on: text, usage, progress.
    case content
    /// A tool call has begun.
    case toolStarted(UInt64)
    /// A tool call has ended.
    case toolFinished(UInt64)
  }

  /// How soon a cancelled run must be gone.
  public enum Urgency: String, CaseIterable, Hashable, Sendable {
    /// It gets its `grace`.
    case normal
    /// It gets a moment to flush its buffers.
    case now
  }

  /// The grace of a run that must stop now.
  public static let shortGrace = TimeSpan.milliseconds(200)

  /// An agent has a few tool calls open at once; one that claims more is not followed further, only timed.
  static let mostOpenTools = 256

  struct OpenTool: Hashable {
    var identifier: UInt64
    var started: Instant
  }

  /// What it is held to.
  public let terms: Terms
  /// Where it stands.
  public internal(set) var state = State.queued
  /// How it went; given once.
  public internal(set) var verdict: Verdict?
  /// The deadlines to watch.
  public internal(set) var timers = Timers()
  /// Whether a process was ever started.
  var hadProcess = false
  var hasLeaderExited = false
  var urgency = Urgency.normal
  /// How often the tree was killed again.
  var strikes = 0
  private var openTools: [OpenTool] = []
  /// What the agent said last of how its work went, where that is judged together with its exit.
  private var evidence: FinalWord?

  /// A run that was just accepted.
  public init(terms: Terms) { self.terms = terms }

  // MARK: - Launch

  /// The run waits for nobody any more. Its clocks count from here: that its row cannot be written must not keep it
  /// from ending.
  public mutating func seated(at now: Instant) -> Actions {
    guard state == .queued else { return .none }
    timers.arm(.start, at: now, after: terms.start)
    timers.arm(.wall, at: now, after: terms.wall)
    return .none
  }

  /// The run's row is in the ledger. No row, no process.
  public mutating func recorded(at now: Instant) -> Actions {
    guard state == .queued else { return .none }
    state = .starting
    return Actions(launch: true)
  }

  /// The program runs.
  public mutating func spawned(at now: Instant) -> Actions {
    switch state {
    case .starting:
      hadProcess = true
      state = .running
      // Without a limit on the start, silence counts from here.
      if terms.start == nil { timers.arm(.idle, at: now, after: terms.idle) }
      return .none
    case .aborting:
      hadProcess = true
      return stop(at: now)
    case .stuck:
      hadProcess = true
      return strikeAgain(at: now)
    case .queued, .running, .concluding, .leaving, .terminating, .killing, .gone: return .none
    }
  }

  /// The program could not be started, and nothing is left of the attempt.
  public mutating func spawnFailed() -> Actions {
    switch state {
    case .starting:
      var actions = settle(.failed(.spawn))
      actions.add(end())
      return actions
    case .aborting, .stuck: return hadProcess ? .none : end()
    case .queued, .running, .concluding, .leaving, .terminating, .killing, .gone: return .none
    }
  }

  /// The launch hangs before the program runs; the launcher is killing it.
  public mutating func launchStalled() -> Actions {
    guard state == .starting else { return .none }
    state = .aborting
    return settle(.failed(.spawn))
  }

  /// Not even a kill has ended the launch; it is left alone.
  public mutating func launchAbandoned() -> Actions {
    guard state == .starting || state == .aborting else { return .none }
    var actions = verdict == nil ? settle(.failed(.spawn)) : .none
    actions.add(quarantine())
    return actions
  }

  // MARK: - Output

  /// The agent wrote something.
  public mutating func eventSeen(_ sign: Sign, at now: Instant) -> Actions {
    switch state {
    case .running: break
    case .concluding:
      // It goes on talking: its last word may be yet to come.
      if terms.countsLastWord { timers.arm(.leave, at: now, after: terms.leave) }
      return .none
    case .queued, .starting, .aborting, .leaving, .terminating, .killing, .stuck, .gone: return .none
    }
    let isFirst = timers[.start] != .never
    timers.disarm(.start)
    switch sign {
    case .life:
      if isFirst { timers.arm(.idle, at: now, after: terms.idle) }
      return .none
    case .content: break
    case .toolStarted(let identifier):
      if openTools.count < Self.mostOpenTools, !openTools.contains(where: { $0.identifier == identifier }) {
        openTools.append(OpenTool(identifier: identifier, started: now))
      }
    case .toolFinished(let identifier): openTools.removeAll { $0.identifier == identifier }
    }
    timers.arm(.idle, at: now, after: terms.idle)
    if let oldest = openTools.first {
      timers.arm(.tool, at: oldest.started, after: terms.tool)
    } else {
      timers.disarm(.tool)
    }
    return .none
  }

  /// Whether a final word said now would count.
  public var takesFinalWord: Bool {
    switch state {
    case .running: true
    case .concluding: terms.countsLastWord
    case .queued, .starting, .aborting, .leaving, .terminating, .killing, .stuck, .gone: false
    }
  }

  /// The agent said how its work went.
  public mutating func finalWordSeen(_ word: FinalWord, at now: Instant) -> Actions {
    guard takesFinalWord else { return .none }
    if terms.basis == .evidence {
      // It may well say another: nothing ends with it, and its clocks go on.
      evidence = word
      return eventSeen(.content, at: now)
    }
    if !terms.countsLastWord, let verdict = Judgement.onWord(word, terms: terms) {
      return settleAndLetLeave(verdict, at: now)
    }
    state = .concluding(word)
    // Its own clocks no longer count: it has spoken. The wall still stands.
    for timer in [TimerName.start, .idle, .tool] { timers.disarm(timer) }
    timers.arm(.leave, at: now, after: terms.leave)
    return .none
  }

  /// The agent said that there is nothing more to come: its evidence is all there, and needs no exit.
  public mutating func concluded(at now: Instant) -> Actions {
    guard state == .running, let evidence else { return .none }
    return settleAndLetLeave(Judgement.onDone(evidence), at: now)
  }

  // MARK: - The end of the process

  /// The leader exited, and what its pipe then held was read.
  public mutating func exited(
    _ exit: ProcessExit, isLastLineCut: Bool, isTreeEmpty: Bool, at now: Instant
  ) -> Actions {
    guard hadProcess, !hasLeaderExited else { return .none }
    hasLeaderExited = true
    var actions = Actions.none
    switch state {
    case .running:
      actions = settle(
        Judgement.onExit(exit, word: evidence, isLastLineCut: isLastLineCut, terms: terms))
    case .concluding(let word):
      actions = settle(
        Judgement.onExit(exit, word: word, isLastLineCut: isLastLineCut, terms: terms))
      actions.flags = mismatch(exit)
    case .leaving: actions.flags = mismatch(exit)
    case .terminating, .killing, .stuck: break
    case .queued, .starting, .aborting, .gone: return .none
    }
    if isTreeEmpty {
      actions.add(end())
      return actions
    }
    // What the leader left behind is told to go at once, as far along as the burial is. It is worth a flag only if
    // nobody had been told yet, or if it does not go: see graceRanOut.
    if state != .terminating && state != .killing && state != .stuck { actions.flags.insert(.leftovers) }
    switch state {
    case .terminating: actions.tree = .stop
    case .killing, .stuck: actions.tree = .kill
    case .queued, .starting, .running, .concluding, .aborting, .leaving, .gone: actions.add(stop(at: now))
    }
    return actions
  }

  /// No process of the run is left but its leader, which has exited.
  public mutating func treeEmptied() -> Actions {
    guard hasLeaderExited, verdict != nil, state != .gone else { return .none }
    return end()
  }

  private func mismatch(_ exit: ProcessExit) -> Flags {
    verdict == .succeeded && !exit.isSuccess ? .exitMismatch : []
  }

  // MARK: - Ends from outside

  /// Somebody wants the run to end.
  public mutating func cancelRequested(
    _ reason: Verdict.Cancellation, urgency: Urgency, at now: Instant
  ) -> Actions {
    if urgency == .now { self.urgency = .now }
    return endEarly(.cancelled(reason), at: now)
  }

  /// A limit that is no timer was exceeded. What eats the machine is killed at once, judged or not.
  public mutating func limitExceeded(_ breach: Breach, at now: Instant) -> Actions {
    var actions = verdict == nil ? endEarly(breach.verdict, at: now) : .none
    if breach.isHazard && (state == .leaving || state == .terminating) { actions.add(kill(at: now)) }
    return actions
  }

  /// Reeve itself cannot go on with the run.
  public mutating func faulted(at now: Instant) -> Actions {
    guard verdict == nil else { return .none }
    return endEarly(.failed(.internal), at: now)
  }

  /// The host stood still for a while: that time is not charged to the agent.
  public mutating func hostStoodStill(for span: TimeSpan) {
    for timer in [TimerName.start, .idle, .tool] { timers.postpone(timer, by: span) }
    for index in openTools.indices { openTools[index].started = openTools[index].started + span }
  }

  /// Time passed: every timer that is due fires, the earliest first.
  ///
  /// Before it calls this the shell looks at the process and reads its pipe, so that no clock wins over a
  /// fact that was already there.
  public mutating func timerFired(at now: Instant) -> Actions {
    var actions = Actions.none
    while let timer = timers.takeDue(at: now) { actions.add(fire(timer, at: now)) }
    return actions
  }

  mutating func fire(_ timer: TimerName, at now: Instant) -> Actions {
    switch timer {
    case .start: endEarly(.timedOut(.start), at: now)
    // An open tool call may be silent for longer; that is only worth a look.
    case .idle where !openTools.isEmpty: Actions(flags: .quietTool)
    case .idle: endEarly(.timedOut(.idle), at: now)
    case .tool: endEarly(.timedOut(.tool), at: now)
    case .wall: endEarly(.timedOut(.wall), at: now)
    case .leave: leaveRanOut(at: now)
    case .grace: graceRanOut(at: now)
    case .bury: buryRanOut(at: now)
    case .again: strikeAgain(at: now)
    }
  }
}
