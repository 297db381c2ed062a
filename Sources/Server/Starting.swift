internal import Host
internal import Loop
internal import Model
internal import Plugins
internal import RPC
internal import Supervision
internal import Wire

/// A call that starts a run, until its program runs or has failed to; then the run is let go.
@LoopActor final class Starting: RunObserver {
  private let session: Session
  private let call: Call
  private let subscribes: Bool
  private let client: ObjectIdentifier?
  /// What it was given, some of it in confidence.
  private let environment: [String: String]
  /// Whether the client wants it no more.
  private var isWithdrawn = false

  /// Starts what is asked for, or finds what the same request has become.
  static func begin(
    _ request: RunRequest, _ given: Given, _ session: Session, _ call: Call, resuming resumed: RunID? = nil
  ) throws {
    try checkOpen(session)
    if try given[Wanted.subscribe] { try session.checkSubscriptions() }
    let onDisconnect = try session.onDisconnect(try given[Wanted.onDisconnect])
    let starting = Starting(
      session, call, subscribes: try given[Wanted.subscribe],
      client: onDisconnect == .cancel ? ObjectIdentifier(session) : nil, environment: request.environment)
    var request = request
    guard let key = try given[Wanted.key] else { return starting.begin(request, resuming: resumed) }
    // Of one that resumes, the run says where it works.
    let digest = digest(of: given, call.method, resumed == nil ? request.directory : "")
    request.key = (key, digest)
    session.host.find(key: key, of: digest) { [request] result in
      switch result {
      case .success(nil): starting.begin(request, resuming: resumed)
      case .success(let run?): starting.follow(run)
      case .failure(let error): starting.fail(error)
      }
    }
  }

  private static func checkOpen(_ session: Session) throws(HostError) {
    guard !session.isShutDown else { throw HostError(.stopping, "this session was shut down and takes no new work") }
  }

  private init(
    _ session: Session, _ call: Call, subscribes: Bool, client: ObjectIdentifier?, environment: [String: String]
  ) {
    self.session = session
    self.call = call
    self.subscribes = subscribes
    self.client = client
    self.environment = environment
  }

  /// What tells a request from another: all that was asked, but for what only this client is concerned with.
  private static func digest(of given: Given, _ method: String, _ directory: String) -> String {
    var digest = SHA256()
    digest.update("\(method)\n\(directory)\n".utf8)
    let own = [Wanted.key.member.name, Wanted.subscribe.member.name]
    for parameter in given.all where !own.contains(parameter.name) {
      digest.update("\(parameter.name)=\(sorted(parameter.value).text)\n".utf8)
    }
    return digest.finish()
  }

  /// The same in one order: many a client's objects have none. None of the parameters has objects in objects.
  private static func sorted(_ value: JSON) -> JSON {
    guard case .object(let object) = value else { return value }
    var sorted = JSONObject()
    for member in object.members.sorted(by: { $0.key < $1.key }) { sorted[member.key] = .string(member.value.plain) }
    return .object(sorted)
  }

  private func begin(_ request: RunRequest, resuming resumed: RunID?) {
    guard let resumed else { return start(request) }
    // As the ledger has it: who may resume what is not for a single host to know.
    session.host.findRecorded(resumed) { [self] result in
      do {
        guard let run = try result.get() else { throw HostError(.runNotFound, "there is no run \(resumed)") }
        start(try Host.resumption(of: run, request))
      } catch {
        fail(error)
      }
    }
  }

  private func start(_ request: RunRequest) {
    call.onCancel = { [weak self] in self?.isWithdrawn = true }
    session.host.findPlugin(of: request) { [self] result in
      do { start(request, with: try result.get()) } catch { fail(error) }
    }
  }

  private func start(_ request: RunRequest, with manifest: Manifest) {
    // Its client has gone meanwhile, and what it started with it.
    guard !session.isClosed, !isWithdrawn else { return }
    do {
      // All that was looked up may have taken its time.
      try Self.checkOpen(session)
      let run = try session.host.start(request, with: manifest, observer: self, client: client)
      call.onCancel = { [session] in
        session.host.ignore(run.id, self)
        _ = session.host.cancel(run.id)
      }
    } catch {
      fail(error)
    }
  }

  /// A run that is there already.
  private func follow(_ run: RunRecord) {
    if run.status == .starting && session.host.observe(run.id, self) { return }
    conclude(run)
  }

  func runChanged(_ run: RunRecord) {
    guard run.status != .starting else { return }
    session.host.ignore(run.id, self)
    conclude(run)
  }

  func runRefused(_ run: RunID, _ error: HostError) { fail(error) }

  private func fail(_ error: any Error) {
    let error = masked(error)
    guard let error = error as? HostError, case .sameRequest(let known) = error.code else {
      return call.fail(ProtocolError.error(error))
    }
    session.host.find(known) { [self] result in
      if case .success(let run?) = result { follow(run) } else { call.fail(ProtocolError.error(error)) }
    }
  }

  /// What an error quotes may be what was given in confidence.
  private func masked(_ error: any Error) -> any Error {
    switch error {
    case let error as PluginError: error.masked(by: SecretMask(environment: environment))
    case let error as HostError: error.masked(by: SecretMask(environment: environment))
    default: error
    }
  }

  private func conclude(_ run: RunRecord) {
    let json = RunJSON.object(run, isExcerpt: true)
    if run.status == .failed && run.reason == Verdict.Failure.spawn.rawValue {
      var data: JSONObject = ["run": json]
      if case .object(let why)? = run.startFailure.map({ RunJSON.startFailure($0) }) {
        for member in why.members { data[member.key] = member.value }
      }
      return call.fail(ProtocolError.spawnFailed.error(run.error ?? "the program did not start", data))
    }
    guard subscribes, !session.isClosed else { return call.succeed(["run": json]) }
    let name = session.subscribe(to: run, after: 0)
    call.succeed(["run": json, "subscription": .string(name)])
    session.begun(run)
  }
}

extension JSON {
  /// A text as it is, anything else as its JSON: a limit may be given as either.
  fileprivate var plain: String { if case .string(let text) = self { text } else { text } }
}
