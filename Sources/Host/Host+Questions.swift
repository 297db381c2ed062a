internal import Kernel
public import Ledger
internal import Loop
public import Model
internal import Plugins
public import Wire

/// Questions that are answered later: by the ledger's thread, or by one of the host's own for what may be slow.
extension Host {
  /// Who waits for an answer.
  enum Inquiry {
    case ledger((Result<[RunRecord], HostError>) -> Void)
    case work((Result<any Sendable, any Error>) -> Void)
  }

  /// More threads than this wait for disks and other hosts at no time.
  private static let mostWorkers = 16

  private func remember(_ inquiry: Inquiry) -> UInt64 {
    lastInquiry += 1
    inquiries[lastInquiry] = inquiry
    return lastInquiry
  }

  func inquire(
    _ request: (UInt64) -> Ledger.Request, answer: @escaping (Result<[RunRecord], HostError>) -> Void
  ) {
    ledger.send(request(remember(.ledger(answer))))
  }

  func answer(_ ticket: UInt64, runs result: Result<[RunRecord], HostError>) {
    if case .ledger(let answer)? = inquiries.removeValue(forKey: ticket) { answer(result) }
  }

  func answer(_ ticket: UInt64, work result: Result<any Sendable, any Error>) {
    busyWorkers -= 1
    if case .work(let answer)? = inquiries.removeValue(forKey: ticket) { answer(result) }
    workOn()
  }

  /// Does something that may be slow on a thread of its own: at once if it is the host's own affair, for a client when one
  /// is free.
  func inBackground<Value: Sendable>(
    _ name: String, atOnce isOwn: Bool = false, _ body: @escaping @Sendable () throws -> Value,
    answer: @escaping @LoopActor (Result<Value, any Error>) -> Void
  ) {
    let ticket = remember(
      .work { result in
        answer(
          result.flatMap { value in
            guard let value = value as? Value else { preconditionFailure("an answer to something else") }
            return .success(value)
          })
      })
    if isOwn { return begin((name, ticket, body)) }
    work.append((name, ticket, body))
    workOn()
  }

  private func workOn() {
    while busyWorkers < Self.mostWorkers, !work.isEmpty { begin(work.removeFirst()) }
  }

  private func begin(_ task: (name: String, ticket: UInt64, body: @Sendable () throws -> any Sendable)) {
    let notices = notices
    busyWorkers += 1
    do {
      try Worker(task.name) { notices.send(.answered(ticket: task.ticket, Result { try task.body() })) }.detach()
    } catch {
      answer(task.ticket, work: .failure(error))
    }
  }

  // MARK: - About runs

  /// Calls a method of the host that owns a run. The answer is null when that host has died: then the run is settled.
  public func ask(
    _ run: RunRecord, _ method: String, _ params: JSON, _ answer: @escaping @LoopActor (Result<JSON, any Error>) -> Void
  ) {
    let state = state
    inBackground(
      "caller", atOnce: true, { try Owner.of(run, in: state)?.call(method, params) ?? .null }, answer: answer)
  }

  /// Connects to the host that owns a run; the descriptor is the caller's. Nil when that host has died: then the run is
  /// settled.
  public func reach(_ run: RunRecord, _ answer: @escaping @LoopActor (Result<Int32?, any Error>) -> Void) {
    let state = state
    inBackground("caller", { try Owner.connect(to: run, in: state) }, answer: answer)
  }

  /// Forgets a run that is over and buried, and removes its files.
  public func delete(_ id: RunID, _ answer: @escaping @LoopActor (Result<JSON, any Error>) -> Void) {
    let state = state
    inBackground("pruner", { .bool(try Pruner(state: state).delete(id).runs == 1) }, answer: answer)
  }

  /// The run whose request has this name; nil when nobody has given it. One of another request is an error.
  public func find(
    key: String, of request: String, _ answer: @escaping @LoopActor (Result<RunRecord?, HostError>) -> Void
  ) {
    if let run = runs.values.first(where: { $0.record.key == key }) {
      return answer(Self.own(run.current, request))
    }
    inquire {
      .findKey(key, ticket: $0)
    } answer: { result in
      answer(result.flatMap { $0.first.map { Self.own($0, request) } ?? .success(nil) })
    }
  }

  private static func own(_ run: RunRecord, _ request: String) -> Result<RunRecord?, HostError> {
    run.request == request ? .success(run) : .failure(.known(run, request))
  }

  /// The runs that are as a query says, newest first, of all hosts.
  public func list(
    _ query: RunQuery, _ answer: @escaping @LoopActor (Result<RunPage, any Error>) -> Void
  ) {
    var wider = query
    wider.limit += 1

    let state = state
    let read: @Sendable () throws -> [RunRecord] = { [wider] in
      guard let reader = try LedgerReader.open(in: state.root) else { return [] }
      return try reader.runs(wider)
    }
    inBackground("reader", read) { [weak self] result in
      answer(
        result.map { found in
          // Of our own we know more than is written: some are not any more what was asked for.
          let current = found.prefix(query.limit).map { self?.runs[$0.id]?.current ?? $0 }
          let fitting = current.filter { query.statuses.isEmpty || query.statuses.contains($0.status) }
          let last = found.count > query.limit ? current.last?.id : nil
          return RunPage(runs: fitting, next: last)
        })
    }
  }

  /// How a run came to be what it is, oldest first.
  public func transitions(
    of run: RunID, _ answer: @escaping @LoopActor (Result<[Transition], any Error>) -> Void
  ) {
    let state = state
    inBackground("reader", { try LedgerReader.open(in: state.root)?.transitions(of: run) ?? [] }, answer: answer)
  }

  /// A page of the events of a run.
  public func events(
    of run: RunRecord, after: Int64, limit: Int,
    _ answer: @escaping @LoopActor (Result<EventPage, any Error>) -> Void
  ) {
    let state = state
    inBackground("reader", { try EventPage(of: run, after: after, limit: limit, in: state) }, answer: answer)
  }

  /// Looks at something on a disk that may be slow.
  public func look<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value, _ answer: @escaping @LoopActor (Result<Value, any Error>) -> Void
  ) {
    inBackground("reader", body, answer: answer)
  }

  /// Looks whether promises can be kept here.
  public func examine(_ answer: @escaping @LoopActor (Result<[Doctor.Finding], any Error>) -> Void) {
    let doctor = Doctor(statePath: state.root.path, catalog: catalog)
    inBackground("doctor", { doctor.examine() }, answer: answer)
  }

  /// Whether the verdict of a run is out: of one that is not here any more it is.
  public func isAnnounced(_ run: RunID) -> Bool { runs[run]?.isAnnounced ?? true }
}

/// Some runs, newest first.
public struct RunPage: Sendable {
  /// The runs.
  public let runs: [RunRecord]
  /// The run behind which the next page begins; nil when there is none.
  public let next: RunID?
}

/// Some events of a run, in order.
public struct EventPage: Sendable {
  /// No page has more bytes than this, but for one event that has.
  private static let mostBytes = 1 << 20

  /// The events, as JSON text, with their numbers.
  public private(set) var events: [(number: Int64, text: [UInt8])] = []
  /// Whether there are more behind them.
  public private(set) var hasMore = false

  init(of run: RunRecord, after: Int64, limit: Int, in state: StateFolder) throws(HostError) {
    var reader = TranscriptReader(state: state, run: run, after: after)
    var bytes = 0
    func take(_ number: Int64, _ event: [UInt8]) {
      guard events.count < limit, bytes < Self.mostBytes else {
        hasMore = true
        return
      }
      events.append((number, event))
      bytes += event.count
    }
    while !hasMore {
      guard try reader.readPiece(take) else { break }
    }
    if !hasMore && run.gone != nil { reader.finish(run, take) }
  }
}
