internal import Kernel
internal import Model

/// Takes what waits and writes it in one transaction; keeps what could not be written, in memory and in the spill.
struct Clerk: ~Copyable {
  let store: Store
  var waiting: [Ledger.Request] = []
  private var spill: Spill
  /// How many of those that wait, the first ones, have had their turn to be spilled.
  private var spilled = 0
  private let backlog: Backlog
  private var outcomes: [Ledger.Outcome] = []
  private var isDelayed = false

  /// How long the ledger may be held by somebody else before what waits is put into the spill.
  private static let calmMilliseconds: Int32 = 200

  init(store: consuming Store, spill: consuming Spill, backlog: Backlog) {
    self.store = store
    self.spill = spill
    self.backlog = backlog
    self.store.database.setBusyTimeout(Self.calmMilliseconds)
  }

  var isIdle: Bool { waiting.isEmpty }

  /// Closes the connection.
  consuming func leave() {}

  /// Tries to write all that waits. False when the ledger took nothing; what must not be lost still waits then.
  mutating func attempt(_ tell: (Ledger.Outcome) -> Void) -> Bool {
    guard !waiting.isEmpty else { return true }
    outcomes.removeAll(keepingCapacity: true)
    // All of it or nothing is in the spill: whoever finds it there must not take something old for the last word.
    if spilled > 0 { spillOver(tell) }
    do throws(LedgerError) {
      try store.checkFile()
      try begin(tell)
      for request in waiting { outcomes.append(try perform(request)) }
      try Self.pass(.commit)
      try store.commitTransaction()
    } catch {
      store.database.rollBack()
      postpone(because: error, tell)
      return false
    }
    try? Self.pass(.committed)
    noteWritten()
    for outcome in outcomes { tell(outcome) }
    if isDelayed { tell(.caughtUp) }
    isDelayed = false
    return true
  }

  /// Waits for whoever else writes: a moment, and then, with what waits kept aside, for as long as is sensible.
  private mutating func begin(_ tell: (Ledger.Outcome) -> Void) throws(LedgerError) {
    do throws(LedgerError) {
      try store.beginTransaction()
    } catch {
      guard error.code == .busy, !isDelayed else { throw error }
      spillOver(tell)
      store.database.setBusyTimeout(Database.busyTimeoutMilliseconds)
      defer { store.database.setBusyTimeout(Self.calmMilliseconds) }
      try store.beginTransaction()
    }
  }

  private func perform(_ request: Ledger.Request) throws(LedgerError) -> Ledger.Outcome {
    do throws(LedgerError) {
      switch request {
      case .open(let run):
        switch try store.open(run) {
        case .opened(let figures): return .opened(run.id, figures: figures)
        case .notResumable: return .notResumable(run.id, try refusal(of: run))
        case .known(let known): return .known(run.id, known)
        }
      case .change(let run, let status, let evidence):
        guard try store.change(run, from: status, evidence: evidence) else { return .refused(run.id, nil) }
        // One that has waited may have waited for the run whose figures its own come on top of.
        let figures = run.status == .starting ? try store.figures(of: run.session, before: run) : nil
        return .changed(run.id, run.status, figures: figures)
      case .facts(let run): return try store.update(run) ? .updated(run.id) : .refused(run.id, nil)
      case .find(let id, let ticket): return .found(ticket: ticket, try store.find(id))
      case .findKey(let key, let ticket): return .found(ticket: ticket, try store.find(key: key))
      case .children(let id, let ticket): return .children(ticket: ticket, try store.children(of: id))
      case .lookAround(let own): return .lookedAround(othersHaveRuns: try store.othersHaveRuns(butFor: own))
      case .beat(let host, let moment, let memory):
        try store.beat(host, at: moment, memory: memory)
        return .beaten
      }
    } catch {
      // A rule of the schema stops one statement only; anything else stops the whole transaction.
      guard error.code == .forbidden, store.database.isInTransaction else { throw error }
      switch request {
      case .open(let run): return .notOpened(run.id, error)
      case .change(let run, _, _), .facts(let run): return .refused(run.id, error)
      case .find(_, let ticket), .findKey(_, let ticket), .children(_, let ticket):
        return .notFound(ticket: ticket, error)
      case .lookAround, .beat: throw error
      }
    }
  }

  /// What stood in the way of a resume.
  private func refusal(of run: RunRecord) throws(LedgerError) -> ResumeRefusal? {
    guard let name = run.resumes, let resumed = try store.find(name) else { return nil }
    guard let winner = resumed.resumedBy else { return ResumeRefusal(run: resumed) }
    return ResumeRefusal(run: resumed, winner: try store.find(winner))
  }

  private static func pass(_ point: FaultPoint) throws(LedgerError) {
    do {
      try point.pass()
    } catch {
      throw LedgerError(.inputOutput, "\(error)")
    }
  }

  // MARK: - What could not be written

  /// Answers at once what must not wait, and keeps what must not be lost.
  private mutating func postpone(because error: LedgerError, _ tell: (Ledger.Outcome) -> Void) {
    if error.code == .corrupt { LedgerFile.noteDamage(of: store.database.path) }
    var kept: [Ledger.Request] = []
    var keptOfSpilled = 0
    var refused: Set<RunID> = []
    for (index, request) in waiting.enumerated() {
      switch request {
      case .open(let run):
        refused.insert(run.id)
        tell(.notOpened(run.id, error))
      case .find(_, let ticket), .findKey(_, let ticket), .children(_, let ticket):
        tell(.notFound(ticket: ticket, error))
      // It is done again in a while.
      case .lookAround, .beat: break
      case .change(let run, _, _) where refused.contains(run.id), .facts(let run) where refused.contains(run.id):
        // There is no such run, so nothing is lost with what was to be said of it.
        backlog.noteWritten()
        if index >= spilled { backlog.noteKept() }
      case .change, .facts:
        kept.append(request)
        if index < spilled { keptOfSpilled += 1 }
      }
    }
    (waiting, spilled) = (kept, keptOfSpilled)
    spillOver(tell)
    if !waiting.isEmpty && !isDelayed {
      isDelayed = true
      tell(.delayed(error))
    }
  }

  /// Keeps aside what this process would take to its grave.
  private mutating func spillOver(_ tell: (Ledger.Outcome) -> Void) {
    do {
      while spilled < waiting.count {
        switch waiting[spilled] {
        case .change(let run, let status, let evidence):
          try spill.append(.change(run, from: status, evidence: evidence))
          backlog.noteKept()
        case .facts(let run):
          try spill.append(.facts(run))
          backlog.noteKept()
        case .open, .find, .findKey, .children, .lookAround, .beat: break
        }
        spilled += 1
      }
    } catch {
      // It is still in memory, and will be tried again with the rest.
      if !isDelayed { tell(.unspilled("what the ledger does not take cannot be kept aside either: \(error)")) }
    }
  }

  /// All that waited is in the ledger.
  private mutating func noteWritten() {
    for (index, request) in waiting.enumerated() where request.mustNotBeLost {
      backlog.noteWritten()
      if index >= spilled { backlog.noteKept() }
    }
    waiting.removeAll(keepingCapacity: true)
    spilled = 0
    // To replay what the ledger has changes nothing: a file that cannot be cleared does no harm.
    try? spill.clear()
  }
}
