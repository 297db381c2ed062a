internal import Host
internal import Kernel
internal import Ledger
internal import Loop
internal import Model
internal import Plugins
internal import RPC
internal import Supervision
internal import Wire

/// What starts runs and ends them.
extension Methods {
  private static let ofNewRuns = [
    Wanted.prompt.member, Wanted.model.member, Wanted.limits.member, Wanted.environment.member, Wanted.labels.member,
    Wanted.key.member, Wanted.onDisconnect.member, Wanted.onBusy.member, Wanted.subscribe.member,
  ]
  private static let started = [
    Member("run", Shapes.aRun), .optional("subscription", .text, "with `subscribe`"),
  ]
  private static let refusals: [ProtocolError] = [
    .pluginNotFound, .directoryBusy, .missingEnvironment, .spawnFailed, .hostStopping, .promptTooLarge, .badLimit,
    .ledgerUnavailable, .pluginUntrusted, .tooManyRuns, .badManifest, .keyConflict, .tooManySubscriptions,
  ]

  static let runs = [
    Method(
      "run/start", "Starts a run; answers when its program runs or has failed to, or at once as `queued`",
      takes: [Wanted.plugin.member, Wanted.directory.member, Wanted.agentSession.member] + ofNewRuns, gives: started,
      errors: refusals, start),
    Method(
      "run/resume", "Goes on with the session of a run that is over, once; answers as `run/start` does",
      takes: [Wanted.run.member] + ofNewRuns, gives: started, errors: [.runNotFound, .notResumable] + refusals, resume),
    Method(
      "run/cancel", "Ends a run, whichever host owns it; `cancelled` says whether that is what ended it",
      takes: [
        Wanted.run.member, Wanted.urgency.member, Wanted.reason.member, Wanted.wait.member, Wanted.timeout.member,
        Wanted.expires.member,
      ],
      gives: [
        Member("cancelled", .boolean), Member("run", Shapes.aRun),
        .optional("survivors", .list(of: .any), "with `wait`: what was still there when the wait was over"),
      ], errors: [.runNotFound, .ownerUnreachable], cancel),
    Method(
      "run/delete", "Forgets a run that is over and buried, and removes its files", takes: [Wanted.run.member],
      isSlow: true, gives: [Member("deleted", .boolean)], errors: [.runNotFound, .notFinished]
    ) { session, given, call in
      session.host.delete(try given[Wanted.run]) { call.answer($0) { ["deleted": $0] } }
    },
  ]

  // MARK: - Start

  private static let start: Method.Body = { session, given, call in
    guard let directory = try given[Wanted.directory] ?? session.caller.directory else {
      throw RPCError.wrong("“cwd” is required here, or an “initialize” that says which directory is the client's")
    }
    var request = RunRequest(
      plugin: try given[Wanted.plugin], directory: directory, environment: session.caller.environment)
    request.session = try given[Wanted.agentSession]
    try takeCommon(&request, given, session)
    try Starting.begin(request, given, session, call)
  }

  private static let resume: Method.Body = { session, given, call in
    let id = try given[Wanted.run]
    var request = RunRequest(
      plugin: "", directory: session.caller.directory ?? "/", environment: session.caller.environment)
    try takeCommon(&request, given, session)
    try Starting.begin(request, given, session, call, resuming: id)
  }

  /// What a run and the one that resumes it are asked for alike.
  private static func takeCommon(_ request: inout RunRequest, _ given: Given, _ session: Session) throws {
    request.prompt = try given[Wanted.prompt]
    request.model = try given[Wanted.model]
    request.onBusy = try given[Wanted.onBusy] ?? .refuse
    request.limits = try given[Wanted.limits].pairs.map { ($0.name, $0.value) }
    request.labels = try given[Wanted.labels].pairs
    request.environment.merge(try variables(try given[Wanted.environment])) { $1 }
  }

  // MARK: - Cancel

  private static let cancel: Method.Body = { session, given, call in
    let id = try given[Wanted.run]
    // Whoever asked was told that nothing was changed, and so it is.
    if let expires = try given[Wanted.expires], Clock.wallMilliseconds() > expires {
      throw RPCError.requestCancelled
    }
    let wish = Cancelling(
      reason: try given[Wanted.reason] ?? .client, urgency: try given[Wanted.urgency] ?? .normal,
      waits: try given[Wanted.wait] != nil, timeout: try given[Wanted.timeout])
    wish.perform(id, session, call)
  }
}
