internal import Model

/// Takes what waits and writes it in one transaction; keeps what could not be written.
struct Clerk: ~Copyable {
  let store: Store
  var waiting: [Ledger.Request] = []
  private var outcomes: [Ledger.Outcome] = []
  private var isDelayed = false

  init(store: consuming Store) { self.store = store }

  var isIdle: Bool { waiting.isEmpty }

  /// Closes the connection.
  consuming func leave() {}

  /// Tries to write all that waits. False when the ledger took nothing; what must not be lost still waits then.
  mutating func attempt(_ tell: (Ledger.Outcome) -> Void) -> Bool {
    guard !waiting.isEmpty else { return true }
    outcomes.removeAll(keepingCapacity: true)
    do throws(LedgerError) {
      try store.beginTransaction()
      for request in waiting { outcomes.append(try perform(request)) }
      try store.commitTransaction()
    } catch {
      store.database.rollBack()
      postpone(because: error, tell)
      return false
    }
    waiting.removeAll(keepingCapacity: true)
    for outcome in outcomes { tell(outcome) }
    if isDelayed { tell(.caughtUp) }
    isDelayed = false
    return true
  }

  private func perform(_ request: Ledger.Request) throws(LedgerError) -> Ledger.Outcome {
    do throws(LedgerError) {
      switch request {
      case .open(let run):
        try store.open(run)
        return .opened(run.id)
      case .change(let run, let status, let evidence):
        let isChanged = try store.change(run, from: status, evidence: evidence)
        return isChanged ? .changed(run.id, run.status) : .refused(run.id, nil)
      case .facts(let run): return try store.update(run) ? .updated(run.id) : .refused(run.id, nil)
      case .find(let id, let ticket): return .found(ticket: ticket, try store.find(id))
      case .lookAround(let own): return .lookedAround(othersHaveRuns: try store.othersHaveRuns(butFor: own))
      }
    } catch {
      // A rule of the schema stops one statement only; anything else stops the whole transaction.
      guard error.code == .forbidden, store.database.isInTransaction else { throw error }
      switch request {
      case .open(let run): return .notOpened(run.id, error)
      case .change(let run, _, _), .facts(let run): return .refused(run.id, error)
      case .find(_, let ticket): return .notFound(ticket: ticket, error)
      case .lookAround: throw error
      }
    }
  }

  /// Answers at once what must not wait, and keeps what must not be lost.
  private mutating func postpone(because error: LedgerError, _ tell: (Ledger.Outcome) -> Void) {
    waiting.removeAll { request in
      switch request {
      case .open(let run): tell(.notOpened(run.id, error))
      case .find(_, let ticket): tell(.notFound(ticket: ticket, error))
      // It is asked again in a while.
      case .lookAround: break
      case .change, .facts: return false
      }
      return true
    }
    if !waiting.isEmpty && !isDelayed {
      isDelayed = true
      tell(.delayed(error))
    }
  }
}
