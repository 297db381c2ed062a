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

/// One `reeve run`: a host with one run, and a person or a script that waits for its answer.
///
/// The answer is printed with the verdict. What comes after is burial, and it is bounded: the program ends when
/// nothing of the run is left, or when it is given up as stuck.
@LoopActor final class RunSession: EventSource, RunObserver {
  /// How long it waits for a ledger that takes nothing, when there is nothing else left to wait for.
  private static let ledgerPatience = TimeSpan.seconds(5)

  private let host: Host
  private let server: SocketServer
  private let printer: Printer
  private let isJSON: Bool
  private let finish: LoopProgram.Finish
  private enum Tag {
    static let ledger = 0
    static let printed = 1
  }

  private let ledgerTimer = LoopTimer(tag: Tag.ledger)
  private var printed: Watched<Descriptor>?
  private var outcome: Result<ExitCode, CommandFailure>?
  private var run: RunRecord?
  private var status: StatusLine?
  private var interrupts = 0
  private var hasSpoken = false
  private var isVerdictShown = false

  static func begin(
    _ request: RunRequest, _ surroundings: Surroundings, _ state: StateFolder, isJSON: Bool,
    _ finish: @escaping LoopProgram.Finish
  ) throws {
    // First of all: a thread that is made before would not hold these signals back.
    let signals = try SignalQueue(holding: [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD])
    let host = try Host(
      state: state, catalog: surroundings.catalog, environment: surroundings.environment, signals: signals)
    let session = try RunSession(host, request, isJSON: isJSON, finish)
    host.onSignal = { session.signalled($0) }
    host.onQuiet = { session.end() }
    host.log = { session.tell($0) }
    do {
      let run = try host.start(request, observer: session)
      session.run = run
      if Terminal.hasCursor && !isJSON { session.status = StatusLine(run, printer: session.printer) }
    } catch {
      session.close()
      throw error
    }
  }

  private init(_ host: Host, _ request: RunRequest, isJSON: Bool, _ finish: @escaping LoopProgram.Finish) throws {
    self.host = host
    self.isJSON = isJSON
    self.finish = finish
    printer = try Printer()
    server = try SocketServer(host: host, environment: request.environment, directory: request.directory)
  }

  // MARK: - The run

  func runChanged(_ run: RunRecord) {
    self.run = run
    status?.update(run)
    guard run.status.isTerminal else { return }
    if !isVerdictShown { showVerdict(run) }
    if run.disposal.isReleased && !run.isRecorded && ledgerTimer.deadline == .never {
      ledgerTimer.arm(at: Loop.shared.now + Self.ledgerPatience, source: self)
    }
  }

  func runAppended(_ run: RunRecord) { status?.update(run) }

  func runSaid(_ run: RunID, _ text: [UInt8]) {
    guard Terminal.isOutputTerminal, !isJSON, printer.keepsUp else { return }
    hasSpoken = true
    if let status { status.write(text) } else { printer.write(text, to: STDOUT_FILENO) }
  }

  func runRefused(_ run: RunID, _ error: HostError) { end(.failure(CommandFailure(.trouble, error.message))) }

  /// Something that whoever called may have to act on.
  private func tell(_ message: String) {
    let line = Array("reeve: \(message)\n".utf8)
    if let status { status.complain(line) } else { printer.write(line, to: STDERR_FILENO) }
  }

  private func showVerdict(_ run: RunRecord) {
    isVerdictShown = true
    if isJSON {
      printer.write(Array((RunJSON.object(run).text + "\n").utf8), to: STDOUT_FILENO)
      return
    }
    if !hasSpoken, let answer = run.text ?? run.output?.text {
      let text = Array((answer.hasSuffix("\n") ? answer : answer + "\n").utf8)
      if let status { status.write(text) } else { printer.write(text, to: STDOUT_FILENO) }
    }
    guard run.status != .succeeded else { return }
    status?.end()
    let reason = run.reason.map { "/\($0)" } ?? ""
    let line = "reeve: run \(run.id): \(run.status.rawValue)\(reason): \(run.error ?? "")\n"
    printer.write(Array(line.utf8), to: STDERR_FILENO)
  }

  // MARK: - The end

  /// Once asks, twice insists.
  private func signalled(_ number: Int32) {
    // The run is over, and somebody does not read what it said: whoever sends a signal does not want to wait for that.
    if outcome != nil { return leave() }
    interrupts += 1
    let urgency: RunMachine.Urgency = interrupts > 1 || number == SIGQUIT ? .now : .normal
    let reason: Verdict.Cancellation =
      switch number {
      case SIGTERM: .shutdown
      case SIGHUP: .disconnect
      default: .client
      }
    host.stop(reason, urgency: urgency)
  }

  /// Everything is printed.
  func ready(_ tag: Int, _ readiness: Readiness) { leave() }

  /// The ledger took nothing for as long as is sensible to wait.
  func timerFired(_ tag: Int) { end() }

  private func end() {
    guard let run, run.status.isTerminal else { return }
    end(.success(ExitCode(run.status)))
  }

  /// The run is over: what is left is to have its answer read, for which signals are still heard.
  private func end(_ result: Result<ExitCode, CommandFailure>) {
    guard outcome == nil else { return }
    outcome = result
    status?.end()
    server.close()
    do {
      printed = try Watched(try printer.finish(), tag: Tag.printed, source: self)
    } catch {
      leave()
    }
  }

  /// Closes the ledger and ends the program.
  private func leave() {
    guard let outcome else { return }
    printed.take()?.close()
    let trouble = host.ledgerTrouble
    let unwritten = close()
    if unwritten > 0, let run {
      let why = trouble?.message ?? "the ledger did not take it"
      finish(.failure(CommandFailure(.trouble, "run \(run.id) is \(run.status.rawValue), but not recorded: \(why)")))
    } else {
      finish(outcome)
    }
  }

  @discardableResult
  private func close() -> Int {
    let patience: TimeSpan = ledgerTimer.deadline == .never ? .seconds(5) : .milliseconds(100)
    ledgerTimer.disarm()
    server.close()
    return host.close(patience: patience)
  }
}

extension ExitCode {
  /// What a run's outcome makes of the program's exit code.
  init(_ status: Status) {
    self =
      switch status {
      case .succeeded: .succeeded
      case .failed: .failed
      case .cancelled: .cancelled
      case .timedOut: .timedOut
      case .outOfMemory: .outOfMemory
      case .lost, .queued, .starting, .running: .trouble
      }
  }
}
