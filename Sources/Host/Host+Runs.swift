internal import Kernel
internal import Ledger
internal import Loop
public import Model
public import Plugins
public import Supervision
public import Wire

/// What clients ask of a host about runs.
extension Host {
  /// Accepts a run, or refuses it with a reason. Its program is started once it has a seat and its row is written; what
  /// is found out only later, an observer is told: `runRefused`.
  public func start(_ request: RunRequest, observer: (any RunObserver)?) throws -> RunRecord {
    guard phase == .open else { throw HostError(.stopping, "the host is stopping and takes no new work") }
    let manifest = try catalog.plugin(request.plugin)
    let id = names.next(at: Clock.wallMilliseconds())
    let preparation = try Preparation(
      request, manifest: manifest, run: id, standards: standards, user: configuration.limits)
    try checkQueue()
    do { try FaultPoint.row.pass() } catch { throw HostError(.system, "\(error)") }
    var record = RunRecord(
      id: id, plugin: manifest.name, host: self.id, created: wallTime, directory: request.directory,
      prompt: request.prompt ?? "", labels: RunJSON.labels(request.labels), limits: RunJSON.limits(preparation.limits))
    record.session = request.session
    record.resumes = request.resumes
    record.parent = RunMark.runs(in: request.environment[RunMark.variable]).last
    record.terms = Terms.description(of: manifest)
    record.memoryLimit = preparation.limits[.memory].value
    // Before there are any: whoever finds the row must find what it names.
    record.controlGroups =
      groups.paths.isEmpty ? nil : groups.paths.map { "\($0)/\(id)" }.joined(separator: "\n")
    let run = Run(preparation, record: record, host: self)
    if let observer { run.observers.append(observer) }
    runs[id] = run
    do {
      try place(run)
    } catch {
      forget(run)
      throw error
    }
    if needsPulse { beat() }
    return run.current
  }

  /// What a request to go on with the session of a run asks for, or why it cannot be had. The swap in the ledger has the
  /// last word.
  public nonisolated static func resumption(of run: RunRecord, _ request: RunRequest) throws(HostError) -> RunRequest {
    guard run.isResumable else { throw HostError.notResumable(ResumeRefusal(run: run)) }
    var request = request
    request.plugin = run.plugin
    request.directory = run.directory
    request.session = run.session
    request.resumes = run.id
    return request
  }

  /// A run that this host still has to do with.
  public func run(_ id: RunID) -> RunRecord? { runs[id]?.current }

  /// All runs that this host still has to do with.
  public var liveRuns: [RunRecord] { runs.values.map(\.current) }

  /// Looks a run up in the ledger, wherever it ran.
  public func find(_ id: RunID, _ answer: @escaping @LoopActor (Result<RunRecord?, HostError>) -> Void) {
    if let run = runs[id] { return answer(.success(run.current)) }
    findRecorded(id, answer)
  }

  /// The same as the ledger has it, also if it is a run of this host: whether it may be resumed only the ledger knows.
  public func findRecorded(_ id: RunID, _ answer: @escaping @LoopActor (Result<RunRecord?, HostError>) -> Void) {
    inquire {
      .find(id, ticket: $0)
    } answer: {
      answer($0.map(\.first))
    }
  }

  /// Ends a run, if it has not ended; says whether that is what ended it. Nil when it is not here.
  public func cancel(
    _ id: RunID, _ reason: Verdict.Cancellation = .client, urgency: RunMachine.Urgency = .normal
  ) -> (didCancel: Bool, run: RunRecord)? {
    guard let run = runs[id] else { return nil }
    let wasJudged = run.verdictIsGiven
    run.cancel(reason, urgency: urgency)
    return (!wasJudged && run.record.status == .cancelled, run.current)
  }

  /// Ends what was started inside a run that was ended from outside, wherever it runs.
  func cancelChildren(of parent: RunID) {
    // Our own at once, whatever the ledger has to say.
    for child in Array(runs.values) where child.record.parent == parent && !child.verdictIsGiven {
      child.cancel(.parent, urgency: .normal)
    }
    inquire {
      .children(parent, ticket: $0)
    } answer: { [weak self] result in
      guard let self, case .success(let children) = result else { return }
      for child in children where cancel(child.id, .parent) == nil {
        ask(child, "run/cancel", ["run": .string(child.id.description), "reason": "parent"]) { _ in }
      }
    }
  }

  /// Looks on at a run.
  public func observe(_ id: RunID, _ observer: any RunObserver) -> Bool {
    guard let run = runs[id] else { return false }
    run.observers.append(observer)
    return true
  }

  /// Looks on no more.
  public func ignore(_ id: RunID, _ observer: any RunObserver) {
    runs[id]?.observers.removeAll { $0 === observer }
  }
}

/// Questions that are answered later, and to whom.
extension Host {
  /// Who waits for an answer.
  enum Inquiry {
    case ledger((Result<[RunRecord], HostError>) -> Void)
    case work((Result<JSON, any Error>) -> Void)
  }

  private func remember(_ inquiry: Inquiry) -> UInt64 {
    lastInquiry += 1
    inquiries[lastInquiry] = inquiry
    return lastInquiry
  }

  private func inquire(
    _ request: (UInt64) -> Ledger.Request, answer: @escaping (Result<[RunRecord], HostError>) -> Void
  ) {
    ledger.send(request(remember(.ledger(answer))))
  }

  func answer(_ ticket: UInt64, runs result: Result<[RunRecord], HostError>) {
    if case .ledger(let answer)? = inquiries.removeValue(forKey: ticket) { answer(result) }
  }

  func answer(_ ticket: UInt64, work result: Result<JSON, any Error>) {
    if case .work(let answer)? = inquiries.removeValue(forKey: ticket) { answer(result) }
  }

  /// Does something that may be slow, on a thread of its own.
  func inBackground(
    _ name: String, _ work: @escaping @Sendable () throws -> JSON,
    answer: @escaping @LoopActor (Result<JSON, any Error>) -> Void
  ) {
    let ticket = remember(.work(answer))
    let notices = notices
    do {
      try Worker(name) { notices.send(.answered(ticket: ticket, Result { try work() })) }.detach()
    } catch {
      self.answer(ticket, work: .failure(error))
    }
  }

  /// Calls a method of the host that owns a run. The answer is null when that host has died: then the run is settled.
  public func ask(
    _ run: RunRecord, _ method: String, _ params: JSON, _ answer: @escaping @LoopActor (Result<JSON, any Error>) -> Void
  ) {
    let state = state
    inBackground("caller", { try Owner.of(run, in: state)?.call(method, params) ?? .null }, answer: answer)
  }

  /// Forgets a run that is over and buried, and removes its files.
  public func delete(_ id: RunID, _ answer: @escaping @LoopActor (Result<JSON, any Error>) -> Void) {
    let state = state
    inBackground("pruner", { .bool(try Pruner(state: state).delete(id).runs == 1) }, answer: answer)
  }
}

extension HostError {
  /// Why a run may not be resumed, in words.
  static func notResumable(_ refusal: ResumeRefusal) -> HostError {
    let run = refusal.run
    if let winner = refusal.winner ?? nil {
      return HostError(
        .notResumable(winner.status, by: winner.id),
        "run \(run.id) is resumed already, by run \(winner.id), which is \(winner.status.rawValue); resume that one")
    }
    if let winner = run.resumedBy {
      return HostError(
        .notResumable(run.status, by: winner), "run \(run.id) was resumed already, by run \(winner); resume that one")
    }
    if !run.status.isTerminal {
      return HostError(
        .notResumable(run.status, by: nil), "run \(run.id) is \(run.status.rawValue); it can be resumed when it is over"
      )
    }
    return HostError(
      .notResumable(run.status, by: nil),
      "run \(run.id) cannot be resumed: its agent never named a session to go on with")
  }
}
