internal import Dialects
internal import Kernel
internal import Ledger
internal import Loop
internal import Model
internal import Plugins
internal import Supervision
internal import Wire

/// One run in the world: it tells its machine what happens and does what the machine wants done.
///
/// There is one way through: an event goes to the machine, and `perform` does what comes back.
@LoopActor final class Run: EventSource, LaunchClient {
  enum Tag {
    static let exit = 0
    static let output = 1
    static let errors = 2
    static let leftover = 3
    static let deadline = 4
    static let announcement = 5
    static let sample = 6
    static let memory = 7
    static let population = 8
    static let look = 9
  }

  /// How long a verdict waits for the ledger before it is announced without.
  static let announcementPatience = TimeSpan.milliseconds(250)

  let preparation: Preparation
  unowned let host: Host
  var record: RunRecord
  var machine: RunMachine
  var observers: [any RunObserver] = [] { didSet { isHeard = observers.contains { $0.hearsText } } }
  /// Whether any of them hears what the agent says: to ask each of them for each line would cost as much as the line.
  private(set) var isHeard = false
  /// The client that it ends with.
  var client: ObjectIdentifier?

  // What it holds of the world.
  var process: Watched<Pidfd>?
  /// Whether nobody at all was left, of this run or any other, when its leader had exited.
  var hasLeftNobody = false
  /// Whether somebody else has reaped its leader.
  var isLeaderLost = false
  var output: Watched<Descriptor>?
  var errors: Watched<Descriptor>?
  var pipes: LaunchPipes?
  var hasLargePipe = false
  var leftovers: [Leftover] = []
  var groups: RunGroups?
  var directoryLock: DirectoryLock?
  var memoryEvents: Watched<Descriptor>?
  var populationEvents: Watched<Descriptor>?

  // What it waits for before it begins.
  /// Runs of which nothing may be left.
  var predecessors: Set<RunID> = []
  /// Why its directory could not be locked.
  var lockFailure: SystemError?
  /// Whether another host has its directory, and for which run, if that is known.
  var isDirectoryElsewhere = false
  var foreignHolder: RunID?
  /// The status that its row was written with; nil before that.
  var openedAs: Status?

  // How it is held to its limits where the kernel does not do it.
  var isSampled = false
  var areTasksSampled = false
  var lastSurvey: Survey?
  var sampleInterval = TimeSpan.milliseconds(20)
  /// The turn of the loop in which the counters of its groups were read last.
  var turnOfReading = 0
  let sampleTimer = LoopTimer(tag: Tag.sample)
  let lookTimer = LoopTimer(tag: Tag.look)
  var looksLeft = 0

  // What it makes of the agent's output.
  var splitter: LineSplitter
  var interpreter: Interpreter
  var folder: RunFolder
  var transcript = Transcript()
  var errorLog: ErrorLog
  var testimony: Testimony
  /// Lines of stderr, where the dialect says something of them.
  var errorSplitter = LineSplitter(limit: Interpreter.longestText)
  var isLastLineCut = false

  private let deadlineTimer = LoopTimer(tag: Tag.deadline)
  let announcementTimer = LoopTimer(tag: Tag.announcement)
  private(set) var isAnnounced = false
  /// Whether its plugin is looked at once more, before anything is made for it.
  var isVerifying = false
  /// How many of its writes the ledger has not answered.
  var pendingWrites = 0
  /// What is not to be seen in anything that Reeve writes of it; worked out when there is something to write.
  lazy var secrets = preparation.secrets
  /// What of `error` was looked at, and is without secrets.
  var harmlessError: String?

  /// The pipes of a launch under way. The child's ends are open here too until it has its own.
  struct LaunchPipes: ~Copyable {
    let output: Pipe
    let errors: Pipe
  }

  init(_ preparation: Preparation, record: RunRecord, host: Host) {
    self.preparation = preparation
    self.record = record
    self.host = host
    let limits = preparation.limits
    machine = RunMachine(terms: Terms(of: preparation.manifest, limits: limits))
    interpreter = Interpreter(preparation.manifest.dialect)
    testimony = Testimony(preparation.manifest.dialect, goingOnWith: preparation.request.session)
    splitter = LineSplitter(limit: Int(limits[.line].value ?? .max))
    errorLog = ErrorLog(limit: Int(limits[.stderr].value ?? 0)) { preparation.secrets }
    folder = RunFolder(state: host.state, run: record.id)
  }

  // MARK: - Events

  func ready(_ tag: Int, _ readiness: Readiness) {
    switch tag {
    case Tag.exit: leaderExited()
    case Tag.output: readOutput()
    case Tag.errors: readErrors()
    case Tag.memory: memoryRanOut()
    default: lookForLeftovers()
    }
    watchClock()
  }

  func timerFired(_ tag: Int) {
    switch tag {
    case Tag.announcement:
      record.flags.insert(.ledgerDelayed)
      send(.facts(record))
      announce(isRecorded: false)
      host.checkQuiet()
    case Tag.sample: sample()
    case Tag.look: lookForKill()
    default:
      lookFirst()
      perform(machine.timerFired(at: Loop.shared.now))
      watchClock()
    }
  }

  /// No clock and no cancel may win over a fact that is already there: a final word in the pipe, an exit.
  private func lookFirst() {
    leaderExited()
    if !hasLeaderExited {
      drain()
      readUnfinishedWord()
      checkLimits()
    }
  }

  /// The host stood still: that is not the agent's fault.
  func hostStoodStill(for span: TimeSpan) { machine.hostStoodStill(for: span) }

  func cancel(_ reason: Verdict.Cancellation, urgency: RunMachine.Urgency) {
    if !verdictIsGiven { lookFirst() }
    // It was accepted, so it has a history, if a short one.
    if !hasBegun { open() }
    perform(machine.cancelRequested(reason, urgency: urgency, at: Loop.shared.now))
    watchClock()
  }

  /// Something that Reeve cannot do without for this run was refused.
  func fault(_ error: any Error) {
    record.error = record.error ?? "Reeve cannot go on with this run: \(error)"
    perform(machine.faulted(at: Loop.shared.now))
    watchClock()
  }

  /// A step that can fail is taken; false when it has, which is the end of the run.
  func succeeds(at point: FaultPoint) -> Bool {
    do {
      try point.pass()
      return true
    } catch {
      fault(error)
      return false
    }
  }

  /// A step is taken whose failure must not keep the next one from being taken.
  func pass(_ point: FaultPoint) {
    do {
      try point.pass()
    } catch {
      log("run \(record.id): \(error)")
    }
  }

  /// The host is about to go. That a run has no verdict now is a fault of Reeve's, which the run must not pay for by
  /// never ending.
  func beforeTheEnd() {
    guard hasBegun, !verdictIsGiven else { return }
    log("run \(record.id) has no verdict when its host ends; please report this as a fault in Reeve")
    fault(HostError(.system, "its host ended"))
  }

  // MARK: - Actions

  /// Does what the machine wants, in the order in which it matters: the verdict first.
  func perform(_ actions: Actions) {
    hideSecrets()
    guard !actions.isEmpty || machine.disposal != record.disposal else { return }
    let before = record
    record.flags.formUnion(actions.flags)
    record.disposal = machine.disposal
    if actions.tree == .kill || actions.flags.contains(.leftovers) { noteLeftovers() }
    if actions.ending == .release {
      finishLines()
      noteResources()
      // What an agent still says of its usage on its way out counts as well.
      noteUsage()
      if transcript.failure == nil { record.eventsStored = record.events }
      // Somebody who may be its own lives on with another run.
      if !hasLeftNobody && host.orphans.hasShared(with: record.id, { host.households }) {
        record.flags.insert(.containmentWeak)
      }
      record.gone = host.wallTime
      record.leftovers = record.leftovers ?? JSONText(valid: "[]")
    }
    if let verdict = actions.settle {
      settle(verdict)
      // Whoever ends a run from outside ends what it has started as well.
      switch verdict {
      case .cancelled, .timedOut, .outOfMemory: host.cancelChildren(of: record.id)
      case .succeeded, .failed, .lost: break
      }
    } else if verdictIsGiven && (record.flags != before.flags || record.disposal != before.disposal) {
      factsChanged()
    }
    if actions.launch { launch() }
    switch actions.tree {
    case .stop: stopTree()
    case .kill: killTree()
    case nil: break
    }
    switch actions.ending {
    case .release: release()
    case .quarantine: host.quarantined(self)
    case nil: break
    }
    // Judged meanwhile: nothing was made, and nobody waits for a disk.
    if isVerifying && verdictIsGiven {
      isVerifying = false
      perform(machine.spawnFailed())
    }
  }

  var verdictIsGiven: Bool { record.status.isTerminal }

  /// Sleeps until the machine's next deadline. A deadline that moved further away is left as it is: it fires once
  /// for nothing, which is cheaper than to move it with every line.
  func watchClock() {
    let earliest = machine.timers.earliest
    if earliest < deadlineTimer.deadline { deadlineTimer.arm(at: earliest, source: self) }
    if earliest == .never { deadlineTimer.disarm() }
  }

  // MARK: - Verdict

  private func settle(_ verdict: Verdict) {
    let status = record.status
    record.status = verdict.status
    record.reason = verdict.reason
    record.settled = host.wallTime
    noteUsage()
    noteResources()
    record.output = testimony.outcome?.output
    record.text = testimony.text
    if testimony.isTextCut { record.flags.insert(.truncatedText) }
    if verdict == .succeeded && overspent != nil { record.flags.insert(.overBudget) }
    if verdict == .succeeded {
      record.error = nil
    } else {
      record.error = record.error ?? explanation(of: verdict)
    }
    hideSecrets()
    // Until the ledger says otherwise, whoever asks is told that it is not recorded.
    record.isRecorded = false
    pass(.settle)
    send(.change(record, from: status, evidence: evidence))
    pass(.settled)
    announcementTimer.arm(at: Loop.shared.now + Self.announcementPatience, source: self)
  }

  /// What the verdict rests on, for whoever wonders.
  private var evidence: String {
    var evidence = JSONObject()
    evidence["exit"] = record.exit.map { RunJSON.exit($0) } ?? .null
    if let failure = record.startFailure { evidence["start"] = RunJSON.startFailure(failure) }
    evidence["events"] = .integer(record.events)
    evidence["bytes"] = .integer(record.bytes)
    if record.status == .outOfMemory || record.reason == Verdict.Failure.taskLimit.rawValue {
      evidence["memory"] = RunJSON.memory(record)
      evidence["tasks_peak"] = record.tasksPeak.map { .integer($0) } ?? .null
    }
    return JSON.object(evidence).text
  }

  /// Facts about the process became known after the verdict.
  private func factsChanged() {
    send(.facts(record))
    if isAnnounced { tellObservers() }
  }

  func noteUsage() {
    record.usage = testimony.usage.text
    record.cost = testimony.usage.cost
    record.cumulative = testimony.usage.cumulativeText
  }

  /// No clock matters any more.
  func disarm() {
    for timer in [deadlineTimer, sampleTimer, lookTimer] { timer.disarm() }
    if isAnnounced || !verdictIsGiven { announcementTimer.disarm() }
  }

  func announce(isRecorded: Bool) {
    pass(.announce)
    announcementTimer.disarm()
    isAnnounced = true
    record.isRecorded = isRecorded
    tellObservers()
  }

  func tellObservers() {
    let current = current
    for observer in observers { observer.runChanged(current) }
  }

  /// What is known of it, with its place among those that wait.
  var current: RunRecord {
    if !verdictIsGiven { noteUsage() }
    guard record.status == .queued else { return record }
    var current = record
    current.position = host.admission.position(of: record.id)
    return current
  }
}
