internal import Glibc
internal import Host
internal import Kernel
internal import Ledger
internal import Loop
internal import Model
internal import Plugins
internal import Server
internal import Supervision
internal import Wire

/// A host that serves: one client over stdio, with which it ends, or whoever connects to its socket.
///
/// When it is to end, every run gets its verdict, the clients their answers, and whoever started it is let go. What will
/// not die is buried after that, by a host that is on its own.
@LoopActor final class ServeSession: EventSource {
  /// Whom it serves.
  enum Way: Sendable {
    /// Its parent.
    case stdio
    /// Anybody of this user. Nil is for ever; the listener is a socket that was handed down.
    case socket(idle: TimeSpan?, isBackground: Bool, listener: Int32?)
  }

  private enum Tag {
    static let idle = 0
    static let ledger = 1
  }

  /// How long it waits for a ledger that takes nothing, when there is nothing else left to wait for.
  private static let ledgerPatience = TimeSpan.seconds(5)
  /// How soon a host that should leave looks again whether it is needed.
  private static let idleRetry = TimeSpan.seconds(5)

  private let host: Host
  private let reception: Reception
  private let configuration: Configuration
  private let finish: LoopProgram.Finish
  private let way: Way
  private let printer: Printer
  private var office: BackgroundHost?
  private let idleTimer = LoopTimer(tag: Tag.idle)
  private let ledgerTimer = LoopTimer(tag: Tag.ledger)
  private var isEnding = false
  private var signals = 0
  private var isAlone = false
  private var hasLeft = false

  static func begin(
    _ way: Way, _ surroundings: Surroundings, _ configuration: Configuration, _ state: StateFolder,
    _ finish: @escaping LoopProgram.Finish
  ) throws {
    // First of all: a thread that is made before would not hold these signals back.
    let signals = try SignalQueue(holding: [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCONT, SIGCHLD])
    switch way {
    case .stdio:
      // Before anything can print.
      let streams = try StandardStreams.take()
      let session = try make(way, signals, nil, surroundings, configuration, state, finish)
      do {
        try session.reception.listen()
        try session.reception.serve(input: try streams.input.duplicate(), output: try streams.output.duplicate())
      } catch {
        session.abandon()
        throw error
      }
    case .socket(_, let isBackground, let listener):
      guard let office = try BackgroundHost.claim(in: state) else {
        if !isBackground { Terminal.complain("there is a background host already") }
        return finish(.success(isBackground ? .succeeded : .trouble))
      }
      let session = try make(way, signals, office, surroundings, configuration, state, finish)
      do {
        try session.open(surroundings, state, listener, isBackground: isBackground)
      } catch {
        session.abandon()
        throw error
      }
    }
  }

  private static func make(
    _ way: Way, _ signals: consuming SignalQueue, _ office: consuming BackgroundHost?, _ surroundings: Surroundings,
    _ configuration: Configuration, _ state: StateFolder, _ finish: @escaping LoopProgram.Finish
  ) throws -> ServeSession {
    // Whoever comes to a background host says where its work is to be done.
    let directory: String? = if case .stdio = way { try surroundings.directory() } else { nil }
    // It was started by whoever came first, whose affairs are nobody else's.
    let environment =
      directory == nil ? RunRequest.harmless(surroundings.environment) : surroundings.environment
    let printer = try Printer()
    let host = try Host(
      state: state, catalog: surroundings.catalog, configuration: configuration,
      environment: surroundings.environment, signals: signals)
    Guardian.note(host: host.id.description, group: host.killableGroup)
    Guardian.hasWork(true)
    let reception = Reception(
      host: host, environment: environment, directory: directory, endsWithClient: directory != nil)
    let session = ServeSession(way, host, reception, printer, configuration, finish)
    session.office = consume office
    host.onSignal = { session.signalled($0) }
    host.onStopping = { session.resign() }
    host.onJudged = { session.judged() }
    host.onQuiet = { session.quiet() }
    host.log = { session.tell($0) }
    return session
  }

  private init(
    _ way: Way, _ host: Host, _ reception: Reception, _ printer: Printer, _ configuration: Configuration,
    _ finish: @escaping LoopProgram.Finish
  ) {
    self.way = way
    self.host = host
    self.reception = reception
    self.printer = printer
    self.configuration = configuration
    self.finish = finish
    reception.onDeparture = { [weak self] in self?.clientLeft($0) }
    reception.onArrival = { [weak self] in self?.idleTimer.disarm() }
  }

  /// Listens, says so, and can be found.
  private func open(
    _ surroundings: Surroundings, _ state: StateFolder, _ listener: Int32?, isBackground: Bool
  ) throws {
    try reception.listen()
    if let listener {
      try reception.listen(at: UnixSocket(adopting: Descriptor(owning: listener)))
    } else {
      listenForOthers(surroundings, state)
    }
    switch office {
    case .some(let office): try office.open(host.id)
    case .none: break
    }
    Terminal.print(JSON.object(["host": .string(host.id.description), "socket": .string(address)]).text + "\n")
    if isBackground { try leaveStarter(surroundings, state) }
    rest()
  }

  /// Goes on without whoever started it, in nobody's directory, unless it was told of places by their way from there.
  private func leaveStarter(_ surroundings: Surroundings, _ state: StateFolder) throws {
    try StandardStreams.leave(for: try BackgroundHost.log(in: state))
    let places = ["REEVE_STATE", "REEVE_CONFIG", "REEVE_PLUGINS"].compactMap { surroundings.environment[$0] }
    if places.allSatisfy({ $0.split(separator: ":").allSatisfy { $0.hasPrefix("/") } }) { chdir("/") }
  }

  /// Where other programs find it. That the name is taken, as by the background host of another state folder, is no reason
  /// not to serve: who has the state folder finds it all the same.
  private func listenForOthers(_ surroundings: Surroundings, _ state: StateFolder) {
    do {
      let folder = try BackgroundHost.folder(in: state, environment: surroundings.environment)
      try reception.listen(in: folder, name: BackgroundHost.socketName)
    } catch {
      tell("it cannot be reached as \(BackgroundHost.socketName): \(error)")
    }
  }

  private var address: String { "\(host.sockets.path)/\(HostSocket.name(of: host.id))" }

  // MARK: - What happens

  private func clientLeft(_ wasOurs: Bool) {
    if wasOurs { return end { host.stop(.disconnect) } }
    if isEnding { judged() } else { rest() }
  }

  /// Leaves after a while, if nobody comes and nothing runs.
  private func rest() {
    guard case .socket(let idle?, _, _) = way, !isEnding, reception.clients == 0, host.isQuiet,
      idleTimer.deadline == .never
    else { return }
    idleTimer.arm(at: Loop.shared.now + idle, source: self)
  }

  func timerFired(_ tag: Int) {
    if tag == Tag.ledger { return leave() }
    guard !isEnding, reception.clients == 0 else { return }
    // Somebody has begun something: when that is over it is time to rest again.
    guard host.isQuiet else { return }
    guard !host.isRecovering else { return idleTimer.arm(at: Loop.shared.now + Self.idleRetry, source: self) }
    end { host.stop(.shutdown) }
  }

  func ready(_ tag: Int, _ readiness: Readiness) {}

  /// Once lets what runs finish for as long as the configuration says, twice insists.
  private func signalled(_ number: Int32) {
    // The guardian that we have dismissed has ended, as it should.
    if number == SIGCONT && isAlone { return }
    guard Guardian.isStanding else { return end { host.stop(.disconnect, urgency: .now) } }
    // Somebody has let it go on; that is all.
    if number == SIGCONT { return }
    signals += 1
    if signals > 1 || number == SIGQUIT { return end { host.stop(.shutdown, urgency: .now) } }
    end { host.drain(for: configuration.drain) }
  }

  /// Something that somebody may have to act on. Not from here: who holds the other end of stderr may not read it.
  private func tell(_ message: String) {
    let line = "reeve: \(Terminal.printable(Surroundings.secrets.masked(message)))\n"
    printer.write(Array(line.utf8), to: STDERR_FILENO)
  }

  // MARK: - The end

  private func end(_ how: () -> Void) {
    isEnding = true
    idleTimer.disarm()
    how()
    judged()
  }

  /// Another may take its place: this one takes no new work.
  private func resign() {
    guard let office = office.take() else { return }
    reception.withdraw()
    office.resign()
    isEnding = true
  }

  /// Every verdict is given: when they are written down as well, clients and whoever started it are let go.
  private func judged() {
    guard isEnding, host.isDraining, !isAlone else { return }
    guard host.isSettled else {
      if ledgerTimer.deadline == .never { ledgerTimer.arm(at: Loop.shared.now + Self.ledgerPatience, source: self) }
      return
    }
    ledgerTimer.disarm()
    reception.dismiss()
    guard reception.clients == 0 else { return }
    isAlone = true
    if host.isQuiet && !host.isRecovering { return leave() }
    Guardian.dismiss(code: ExitCode.succeeded.rawValue)
  }

  private func quiet() {
    judged()
    if isAlone && !host.isRecovering { leave() } else { rest() }
  }

  private func leave() {
    guard !hasLeft else { return }
    hasLeft = true
    let trouble = CommandFailure(
      .trouble, "not all is recorded yet; what is missing is kept aside, and recorded when the next reeve begins")
    finish(close() ? .success(.succeeded) : .failure(trouble))
  }

  private func abandon() { _ = close() }

  private func close() -> Bool {
    ledgerTimer.disarm()
    idleTimer.disarm()
    resign()
    reception.close()
    let remainder = host.close(patience: Self.ledgerPatience)
    if remainder.unwritten == 0 { Guardian.hasWork(false) }
    return remainder.unwritten == 0
  }
}
