internal import Glibc
internal import Kernel
internal import Ledger
internal import Loop
internal import Model
internal import Plugins
internal import Supervision
internal import Wire

/// The processes that are nobody's but the host's: orphans, strays, groups that are slow to go.
extension Host {
  /// The runs that have processes to answer for.
  var households: [Kinship.Household] { runs.values.compactMap(\.household) }

  /// Removes the control groups of a run, now or when they are no longer busy.
  func removeGroups(of run: RunID) {
    guard !RunGroups.remove(named: run.description, from: groups) else { return }
    busyGroups.append(run)
    beat()
  }

  /// A child has ended, or several of which the kernel names one.
  func childrenEnded(_ named: Int32) {
    // The end of a leader is told by its pidfd as well, and then the same is looked at.
    let isLeaders = runs.values.contains { $0.record.pid == named && !$0.hasLeaderExited }
    if isLeaders && unwatched.isEmpty && !runs.values.contains(where: \.isBeingBuried) { return }
    unwatched.removeAll { ProcessTable.reapIfEnded($0) }
    for run in Array(runs.values) { run.lookForLeftovers() }
    seeToStrays()
  }

  /// Kills the orphans of runs that are no more. To look whose they are reaps those that have ended.
  func seeToStrays() {
    guard !orphans.isEmpty else { return }
    let claims = (try? orphans.claims { households }) ?? []
    let strays = claims.filter { $0.claim == .nobody }.map(\.process.pid)
    guard !strays.isEmpty else { return }
    for number in [SIGSTOP, SIGSTOP, SIGKILL] {
      for process in ProcessTable.tree(from: strays) where process.isAlive { ProcessTable.signal(number, process) }
    }
    beat()
  }

  func take(_ answer: Surveyor.Answer) {
    switch answer {
    case .surveyed(let run, let survey): runs[run]?.surveyed(survey)
    case .explored(let member, let marks):
      orphans.explored(member, marks: marks, households: households)
      for run in Array(runs.values) { run.lookForLeftovers() }
      seeToStrays()
    }
  }
}

/// What hosts that died have left behind.
extension Host {
  /// How often it makes its rounds.
  static let roundsInterval = TimeSpan.seconds(60)

  /// Says that it lives, while it has work; looks whether others have died, and whether it is time to clear up.
  func makeRounds() {
    if !runs.isEmpty {
      let memory = (try? ProcessTable.stat(getpid())).flatMap { $0 }?.residentBytes ?? 0
      ledger.send(.beat(id, wallTime, memory: Int64(memory)))
    }
    // The ledger knows at once whether there is anybody to look after; what was kept aside from it is in a file.
    let others = others
    if others.contains(where: { !Owner.isLocked($0, in: state) }) {
      recoverOthers()
    } else {
      ledger.send(.lookAround(id))
    }
    clearUp()
    roundsTimer.arm(at: Loop.shared.now + Self.clearingInterval, source: self)
    if !runs.isEmpty || !others.isEmpty || !canBeWoken { beginRounds() }
  }

  /// Makes its rounds from now on: as long as it has runs, is not the only host, or something is left of another.
  func beginRounds() {
    let next = Loop.shared.now + Self.roundsInterval
    if next < roundsTimer.deadline { roundsTimer.arm(at: next, source: self) }
  }

  /// Whether it will hear of another host that begins.
  private var canBeWoken: Bool {
    switch neighbours {
    case .some: true
    case .none: false
    }
  }

  private var others: Set<HostID> { HostFiles.hosts(in: state.hosts).subtracting([id]) }

  /// Another host may have begun, and may die.
  func neighbourBegan() {
    _ = try? neighbours?.owner.read(into: buffer)
    if !others.isEmpty { beginRounds() }
  }

  /// How often a state folder is cleared up by itself.
  private static let clearingInterval = TimeSpan.seconds(86_400)

  /// Clears up once a day, whichever host comes first.
  private func clearUp() {
    guard let last = state.lastClearing else { return state.noteClearing() }
    guard wallTime.milliseconds - last > Self.clearingInterval.milliseconds else { return }
    // Before it begins, so that it is begun once, by one host.
    state.noteClearing()
    let (state, rules) = (state, Pruner.Rules(configuration.retention))
    inBackground("pruner", atOnce: true) {
      _ = try Pruner(state: state).prune(rules)
    } answer: { [weak self] result in
      if case .failure(let error) = result { self?.log("what is old cannot be cleared up: \(error)") }
    }
  }

  /// Settles what dead hosts left open, on a thread of its own: what it meets may be slow to die.
  func recoverOthers() {
    guard !isRecovering else { return }
    let (state, id, notices) = (state, id, notices)
    isRecovering =
      (try? Worker("recoverer") {
        do {
          try Recoverer(state: state) { notices.send(.said($0)) }.recover(butFor: id)
        } catch {
          notices.send(.said("what other hosts left behind cannot be settled: \(error)"))
        }
        notices.send(.recovered)
      }.detach()) != nil
  }

  func takeNotices() {
    var taken: [Notice] = []
    notices.take(&taken)
    for notice in taken {
      switch notice {
      case .said(let message): log(message)
      case .recovered:
        isRecovering = false
        // It may not have come to an end with everything.
        beginRounds()
        checkQuiet()
      case .answered(let ticket, let result): answer(ticket, work: result)
      }
    }
  }
}
