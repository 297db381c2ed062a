internal import Dialects
internal import Kernel
internal import Ledger
internal import Loop
internal import Model
internal import Plugins
internal import Supervision

/// What the ledger is told of a run, and what follows from its answers.
extension Run {
  func send(_ request: Ledger.Request) {
    pendingWrites += 1
    host.ledger.send(request)
  }

  /// Writes its row, as that of a run that waits, or of one that may begin: its program is started when that is done.
  func open() {
    openedAs = record.status
    send(.open(record))
  }

  /// Whether its row is written, or about to be.
  var hasBegun: Bool { openedAs != nil }

  /// Whether it was accepted long before it may begin.
  var hasWaited: Bool { openedAs == .queued }

  /// It waits for nothing any more.
  func seated() {
    guard !verdictIsGiven else { return }
    if let lockFailure {
      if !hasBegun { open() }
      return fault(lockFailure)
    }
    if directoryLock?.inherited != nil { try? directoryLock?.lock.note(record.id.description) }
    perform(machine.seated(at: Loop.shared.now))
    watchClock()
    let status = record.status
    record.status = .starting
    if hasBegun { send(.change(record, from: status, evidence: nil)) } else { open() }
  }

  /// It cannot be: there is no row, and there will be none.
  func refuse(_ error: HostError) {
    disarm()
    announcementTimer.disarm()
    for observer in observers { observer.runRefused(record.id, error) }
    host.forget(self)
  }

  /// What its agent had counted of the session that it goes on with.
  private func note(_ figures: JSONText?) {
    if let figures { testimony.usage.baseline = .figures(figures) }
  }

  private func mayLaunch() {
    perform(machine.recorded(at: Loop.shared.now))
    watchClock()
  }

  func ledgerAnswered(_ outcome: Ledger.Outcome) {
    pendingWrites -= 1
    switch outcome {
    case .opened(_, let figures):
      note(figures)
      guard succeeds(at: .rowed) else { break }
      if openedAs == .starting { mayLaunch() } else if !verdictIsGiven { tellObservers() }
    case .notOpened(_, let error): refuse(HostError(.ledgerUnavailable, error.message))
    case .notResumable(_, let refusal):
      refuse(
        refusal.map { HostError.notResumable($0) } ?? HostError(.runNotFound, "the run to be resumed does not exist"))
    case .known(_, let known): refuse(HostError.known(known, record.request ?? ""))
    case .changed(_, .starting, let figures):
      note(figures)
      mayLaunch()
    case .changed(_, let status, _):
      if status.isTerminal {
        announce(isRecorded: true)
      } else if succeeds(at: .identified), !verdictIsGiven {
        tellObservers()
      }
    case .refused(_, let error):
      // Somebody else has judged this run, or Reeve is at fault: either way what the ledger has stands.
      log("the ledger refused a change of run \(record.id)\(error.map { ": \($0)" } ?? "")")
      if verdictIsGiven && !isAnnounced { announce(isRecorded: false) }
    case .updated, .found, .children, .notFound, .lookedAround, .beaten, .unspilled, .delayed, .caughtUp: break
    }
    forgetIfDone()
  }

  /// A run that is judged, announced, written down and buried is nobody's concern any more.
  func forgetIfDone() {
    if machine.state == .gone && isWrittenDown { host.forget(self) }
  }

  /// Whether nobody needs to wait for it: it is judged and written down, and buried or given up.
  var isDone: Bool { (machine.state == .gone || machine.state == .stuck) && isWrittenDown }

  /// Whether its verdict is given, and written down.
  var isWrittenDown: Bool { isAnnounced && pendingWrites == 0 }
}
