internal import Host
internal import Loop
internal import Model

/// Waits for a run of this host to come so far, or for a deadline, and never touches it.
@LoopActor final class Waiting: EventSource, RunObserver {
  private let session: Session
  private let run: RunID
  private let milestone: Milestone
  private let timer = LoopTimer(tag: 0)
  private var conclude: ((RunRecord, Bool) -> Void)?
  private var latest: RunRecord

  /// Waits; `conclude` is told the run, and whether it has come so far.
  static func begin(
    for run: RunRecord, _ milestone: Milestone, _ timeout: TimeSpan?, _ session: Session,
    _ conclude: @escaping (RunRecord, Bool) -> Void
  ) -> Waiting? {
    let waiting = Waiting(run, milestone, session, conclude)
    if waiting.hasCome(run) && session.host.isAnnounced(run.id) {
      conclude(run, true)
      return nil
    }
    guard session.host.observe(run.id, waiting), !session.isInputOver else {
      session.host.ignore(run.id, waiting)
      conclude(run, false)
      return nil
    }
    if let timeout { waiting.timer.arm(at: Loop.shared.now + timeout, source: waiting) }
    session.waits[ObjectIdentifier(waiting)] = waiting
    return waiting
  }

  private init(
    _ run: RunRecord, _ milestone: Milestone, _ session: Session, _ conclude: @escaping (RunRecord, Bool) -> Void
  ) {
    self.session = session
    self.run = run.id
    self.milestone = milestone
    self.conclude = conclude
    latest = run
  }

  private func hasCome(_ run: RunRecord) -> Bool {
    switch milestone {
    case .settled: run.status.isTerminal
    case .gone: run.status.isTerminal && run.disposal.isReleased
    }
  }

  func runChanged(_ run: RunRecord) {
    latest = run
    if hasCome(run) { end(true) }
  }

  func runRefused(_ run: RunID, _ error: HostError) { end(false) }

  func ready(_ tag: Int, _ readiness: Readiness) {}

  func timerFired(_ tag: Int) { end(false) }

  /// Waits no more, and says how it stands.
  func end(_ hasCome: Bool) {
    let conclude = conclude
    stop()
    conclude?(session.host.run(run) ?? latest, hasCome)
  }

  /// Waits no more; nobody wants to know.
  func stop() {
    conclude = nil
    timer.disarm()
    session.host.ignore(run, self)
    session.waits[ObjectIdentifier(self)] = nil
  }
}
