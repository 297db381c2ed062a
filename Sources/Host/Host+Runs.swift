internal import Dialects
internal import Kernel
internal import Ledger
internal import Loop
public import Model
public import Plugins
public import Supervision
internal import Wire

/// What clients ask of a host about runs.
extension Host {
  /// Accepts a run, or refuses it with a reason. Its program is started once it has a seat and its row is written; what
  /// is found out only later, an observer is told: `runRefused`.
  ///
  /// `client` is whom the run is to end with, if with anybody: `disconnected` then ends it.
  public func start(
    _ request: RunRequest, observer: (any RunObserver)?, client: ObjectIdentifier? = nil
  ) throws -> RunRecord {
    try start(request, with: nil, observer: observer, client: client)
  }

  /// The same with a manifest that was found before: to find it may take too long for the loop of a host with many runs.
  public func start(
    _ request: RunRequest, with found: Manifest?, observer: (any RunObserver)?, client: ObjectIdentifier? = nil
  ) throws -> RunRecord {
    guard phase == .open else { throw HostError(.stopping, "the host is stopping and takes no new work") }
    if let key = request.key, let known = runs.values.first(where: { $0.record.key == key.name }) {
      throw HostError.known(known.record, key.digest)
    }
    let manifest = try (found ?? catalog.plugin(request.plugin, for: request.directory)).serving(request)
    let id = names.next(at: Clock.wallMilliseconds())
    let preparation = try Preparation(
      request, manifest: manifest, run: id, promptFile: "\(state.runs.path)/\(id)/\(RunFile.prompt)",
      standards: standards, user: configuration.limits, granted: configuration.granted(to: manifest.name))
    try checkQueue()
    do { try FaultPoint.row.pass() } catch { throw HostError(.system, "\(error)") }
    var record = RunRecord(
      id: id, plugin: manifest.name, host: self.id, created: wallTime, directory: request.directory,
      prompt: preparation.recordedPrompt(file: RunFile.prompt), labels: RunJSON.labels(request.labels),
      limits: limitsText.answer(preparation.limits) { RunJSON.limits($0) })
    record.session = request.session
    record.resumes = request.resumes
    record.key = request.key?.name
    record.request = request.key?.digest
    record.parent = RunMark.runs(in: request.environment[RunMark.variable]).last
    record.terms = Terms.description(of: manifest, session: request.session)
    record.environment = RunJSON.environment(preparation.environmentReport)
    record.memoryLimit = preparation.limits[.memory].value
    // Before there are any: whoever finds the row must find what it names.
    record.controlGroups =
      groups.paths.isEmpty ? nil : groups.paths.map { "\($0)/\(id)" }.joined(separator: "\n")
    let run = Run(preparation, record: record, host: self)
    run.client = client
    if let observer { run.observers.append(observer) }
    runs[id] = run
    do {
      try place(run)
    } catch {
      forget(run)
      throw error
    }
    beginRounds()
    return run.current
  }

  /// Finds the plugin of a request: at once where that takes two small files. A project's is read to the last byte, up to
  /// `PluginSeal.mostBytes` of them, and on a disk that may be slow; that is for another thread, so that no other run's
  /// loop waits for it. It is found anew for each run: what was trusted is what is there now.
  public func findPlugin(
    of request: RunRequest, _ answer: @escaping @LoopActor (Result<Manifest, any Error>) -> Void
  ) {
    do {
      if let manifest = try catalog.installed(request.plugin, &manifests) { return answer(.success(manifest)) }
    } catch {
      return answer(.failure(error))
    }
    let catalog = catalog
    inBackground("reader", { try catalog.plugin(request.plugin, for: request.directory) }, answer: answer)
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

  /// Keeps the rules that a run is read by; once is enough.
  func keep(_ dialect: Dialect) {
    guard let digest = dialect.digest, !keptDialects.contains(digest) else { return }
    do throws(SystemError) {
      try state.keep(dialect, digest)
      keptDialects.insert(digest)
    } catch {
      log("the rules that runs are read by cannot be kept, for the case that this host dies: \(error)")
    }
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

  /// Ends what a client has started that is not there any more, where it was not to live on.
  public func disconnected(_ client: ObjectIdentifier) {
    for run in Array(runs.values) where run.client == client { run.cancel(.disconnect, urgency: .normal) }
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

extension HostError {
  /// What a client hears that gives a name to a request which it has given before.
  static func known(_ run: RunRecord, _ digest: String) -> HostError {
    if run.request == digest { return HostError(.sameRequest(run.id), "this request has become run \(run.id)") }
    return HostError(
      .keyConflict(run.id), "the key was given to another request, which has become run \(run.id); take a new one")
  }

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
