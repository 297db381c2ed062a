internal import Glibc
internal import Kernel
internal import Ledger
internal import Loop
internal import Model
internal import Supervision

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

  func childrenEnded() {
    reapEnded()
    for run in Array(runs.values) { run.lookForLeftovers() }
    seeToStrays()
  }

  /// Reaps what has ended of the orphans that became our children, each by its pid: the leaders of runs are reaped
  /// by their runs alone.
  func reapEnded() {
    for pid in (try? ProcessTable.adoptedChildren()) ?? [] { ProcessTable.reapIfEnded(pid) }
    unwatched.removeAll { ProcessTable.reapIfEnded($0) }
  }

  /// Kills the orphans of runs that are no more.
  func seeToStrays() {
    guard !orphans.isEmpty else { return }
    let strays = orphans.claims { households }.filter { $0.claim == .nobody }.map(\.process.pid)
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
  /// How often it looks whether another host has died.
  static let recoveryInterval = TimeSpan.seconds(60)

  /// Asks the ledger, which knows at once whether there is anybody to look after.
  func lookAround() {
    ledger.send(.lookAround(id))
    recoveryTimer.arm(at: Loop.shared.now + Self.recoveryInterval, source: self)
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
      case .recovered: isRecovering = false
      }
    }
  }
}
