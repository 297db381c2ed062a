internal import Glibc
internal import Host
internal import Kernel
internal import Ledger
internal import Loop
internal import Model
internal import Plugins
internal import Supervision
internal import Wire

/// What answers one call, now or later; exactly once.
typealias Reply = @LoopActor (Result<JSON, RPCError>) -> Void

/// The methods of the protocol, by name.
@LoopActor enum Methods {
  typealias Method = @LoopActor (Session, inout Parameters, @escaping Reply) throws -> Void

  static let table: [String: Method] = [
    "run/start": start, "run/get": get, "run/cancel": cancel, "run/subscribe": subscribe,
    "run/unsubscribe": unsubscribe, "run/resume": resume, "run/delete": delete, "host/status": status,
    "host/drain": drain,
  ]

  static func call(_ name: String, _ params: JSON?, _ session: Session, _ reply: @escaping Reply) {
    guard let method = table[name] else {
      return reply(.failure(RPCError(code: RPCError.methodNotFound.code, message: "there is no method “\(name)”")))
    }
    do {
      var parameters = try Parameters(params)
      try method(session, &parameters, reply)
    } catch {
      reply(.failure(ProtocolError.error(error)))
    }
  }

  private static func start(_ session: Session, _ parameters: inout Parameters, _ reply: @escaping Reply) throws {
    let host = session.host
    let directory = try parameters.string("cwd") ?? session.directory
    guard directory.hasPrefix("/"), !directory.utf8.contains(0) else {
      throw Parameters.wrong("“cwd” must be an absolute path")
    }
    var request = RunRequest(
      plugin: try parameters.required("plugin"), directory: directory, environment: session.environment)
    request.session = try parameters.string("session")
    try takeCommon(&request, &parameters)
    begin(request, host, reply)
  }

  /// What a run and the one that resumes it are asked for alike.
  private static func takeCommon(_ request: inout RunRequest, _ parameters: inout Parameters) throws {
    request.prompt = try parameters.string("prompt")
    request.model = try parameters.string("model")
    request.onBusy = try parameters.word("on_busy") ?? .refuse
    request.limits = try parameters.texts("limits", room: .limits, orNumbers: true).map { ($0.name, $0.value) }
    request.labels = try parameters.texts("labels", room: .labels)
    for variable in try parameters.texts("env", room: .environment) {
      guard RunRequest.isVariable(variable.name, variable.value) else {
        throw Parameters.wrong("“env.\(variable.name)” is no variable that a program can have")
      }
      request.environment[variable.name] = variable.value
    }
    try parameters.finish()
  }

  private static func begin(_ request: RunRequest, _ host: Host, _ reply: @escaping Reply) {
    // It sees the run until the program runs or has failed to; then it is let go.
    let starting = Starting(host: host, reply: reply)
    do {
      _ = try host.start(request, observer: starting)
    } catch {
      reply(.failure(ProtocolError.error(error)))
    }
  }

  private static func resume(_ session: Session, _ parameters: inout Parameters, _ reply: @escaping Reply) throws {
    let host = session.host
    let id = try parameters.run()
    var wish = RunRequest(plugin: "", directory: session.directory, environment: session.environment)
    try takeCommon(&wish, &parameters)
    // As the ledger has it: who may resume what is not for a single host to know.
    host.findRecorded(id) { result in
      do {
        guard let run = try result.get() else { throw HostError(.runNotFound, "there is no run \(id)") }
        begin(try Host.resumption(of: run, wish), host, reply)
      } catch {
        reply(.failure(ProtocolError.error(error)))
      }
    }
  }

  private static func delete(_ session: Session, _ parameters: inout Parameters, _ reply: @escaping Reply) throws {
    let id = try parameters.run()
    try parameters.finish()
    session.host.delete(id) { result in
      reply(result.map { ["deleted": $0] }.mapError { ProtocolError.error($0) })
    }
  }

  private static func drain(_ session: Session, _ parameters: inout Parameters, _ reply: @escaping Reply) throws {
    let patience = try parameters.span("timeout") ?? session.host.configuration.drain
    try parameters.finish()
    session.host.drain(for: patience)
    reply(.success(["draining": .bool(session.host.isDraining)]))
  }

  private static func get(_ session: Session, _ parameters: inout Parameters, _ reply: @escaping Reply) throws {
    let id = try parameters.run()
    try parameters.finish()
    withRun(id, session.host, reply) { reply(.success(["run": RunJSON.object($0)])) }
  }

  private static func cancel(_ session: Session, _ parameters: inout Parameters, _ reply: @escaping Reply) throws {
    let id = try parameters.run()
    let urgency: RunMachine.Urgency = try parameters.word("urgency") ?? .normal
    let reason: Verdict.Cancellation = try parameters.word("reason") ?? .client
    try parameters.finish()
    let host = session.host
    guard let (didCancel, run) = host.cancel(id, reason, urgency: urgency) else {
      return withRun(id, host, reply) { cancelElsewhere($0, reason, urgency, host, reply) }
    }
    reply(.success(["cancelled": .bool(didCancel), "run": RunJSON.object(run, isExcerpt: true)]))
  }

  /// A run that is not ours, or not any more: its owner is told, if it is not over.
  private static func cancelElsewhere(
    _ run: RunRecord, _ reason: Verdict.Cancellation, _ urgency: RunMachine.Urgency, _ host: Host,
    isLastAttempt: Bool = false, _ reply: @escaping Reply
  ) {
    guard !run.status.isTerminal else {
      return reply(.success(["cancelled": false, "run": RunJSON.object(run, isExcerpt: true)]))
    }
    let params: JSON = [
      "run": .string(run.id.description), "reason": .string(reason.rawValue), "urgency": .string(urgency.rawValue),
    ]
    host.ask(run, "run/cancel", params) { result in
      switch result {
      // Its owner had died: by now it is known how it ended, unless somebody else is just finding out.
      case .success(.null) where isLastAttempt:
        let error = HostError(
          .ownerUnreachable(run.host), "the host \(run.host) has died, and what it left is not settled yet; try again")
        reply(.failure(ProtocolError.error(error)))
      case .success(.null):
        withRun(run.id, host, reply) { cancelElsewhere($0, reason, urgency, host, isLastAttempt: true, reply) }
      case .success(let answer): reply(.success(answer))
      case .failure(let error): reply(.failure(ProtocolError.error(error)))
      }
    }
  }

  private static func subscribe(_ session: Session, _ parameters: inout Parameters, _ reply: @escaping Reply) throws {
    let id = try parameters.run()
    let after = try parameters.integer("after") ?? 0
    guard after >= 0 else { throw Parameters.wrong("“after” is the number of an event") }
    try parameters.finish()
    withRun(id, session.host, reply) { run in
      let name = session.subscribe(to: run, after: after)
      reply(.success(["subscription": .string(name)]))
      // Of a run that is over nothing more will be heard, so how it ended is said now.
      if session.host.run(id) == nil { session.runChanged(run) } else { session.pump() }
    }
  }

  private static func unsubscribe(
    _ session: Session, _ parameters: inout Parameters, _ reply: @escaping Reply
  ) throws {
    let name = try parameters.required("subscription")
    try parameters.finish()
    reply(.success(["unsubscribed": .bool(session.unsubscribe(name))]))
  }

  private static func status(_ session: Session, _ parameters: inout Parameters, _ reply: @escaping Reply) throws {
    try parameters.finish()
    let host = session.host
    var runs = JSONObject()
    for run in host.liveRuns {
      let count = if case .integer(let count)? = runs[run.status.rawValue] { count } else { Int64(0) }
      runs[run.status.rawValue] = .integer(count + 1)
    }
    let stuck = host.liveRuns.filter { $0.disposal == .stuck }.map { JSON.string($0.id.description) }
    reply(
      .success([
        "host": .string(host.id.description), "version": .string(Host.version), "pid": .integer(Int64(getpid())),
        "runs": .object(runs), "stuck": .array(stuck),
        "ledger": .string(host.ledgerTrouble == nil ? "ok" : "delayed"),
        "containment": .string(host.containment.rawValue), "draining": .bool(host.isDraining),
      ]))
  }

  private static func withRun(
    _ id: RunID, _ host: Host, _ reply: @escaping Reply, _ body: @escaping @LoopActor (RunRecord) -> Void
  ) {
    host.find(id) { result in
      switch result {
      case .success(let run?): body(run)
      case .success(nil): reply(.failure(ProtocolError.runNotFound.error("there is no run \(id)")))
      case .failure(let error): reply(.failure(ProtocolError.error(error)))
      }
    }
  }
}

/// Waits until a program runs or has failed to, and answers the call that started it.
private final class Starting: RunObserver {
  private let host: Host
  private var reply: Reply?

  init(host: Host, reply: @escaping Reply) {
    self.host = host
    self.reply = reply
  }

  func runChanged(_ run: RunRecord) {
    guard run.status != .starting else { return }
    host.ignore(run.id, self)
    let json = RunJSON.object(run, isExcerpt: true)
    if run.status == .failed && run.reason == Verdict.Failure.spawn.rawValue {
      var data: JSONObject = ["run": json]
      if case .object(let why)? = run.startFailure.map({ RunJSON.startFailure($0) }) {
        for member in why.members { data[member.key] = member.value }
      }
      answer(.failure(ProtocolError.spawnFailed.error(run.error ?? "the program did not start", data)))
    } else {
      answer(.success(["run": json]))
    }
  }

  func runRefused(_ run: RunID, _ error: HostError) { answer(.failure(ProtocolError.error(error))) }

  private func answer(_ result: Result<JSON, RPCError>) {
    reply?(result)
    reply = nil
  }
}
