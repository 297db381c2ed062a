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
/// The answer is printed with the verdict, and then the client is let go. What comes after is burial, and it is bounded:
/// the host does that by itself, and ends when nothing is left, or when it is given up as stuck. A client that wants to
/// see the end of it (`--wait gone`) waits.
@LoopActor final class RunSession: EventSource, RunObserver {
  /// What whoever called wants of it.
  struct Wishes {
    let isJSON: Bool
    let waitsForBurial: Bool
    /// Who is told of the run's end, in place of whoever reads stdout.
    var report: (@Sendable (RunRecord) -> Void)?
  }

  /// How long it waits for a ledger that takes nothing, when there is nothing else left to wait for.
  private static let ledgerPatience = TimeSpan.seconds(5)

  private let host: Host
  private let reception: Reception
  private let printer: Printer
  private let wishes: Wishes
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
  private var hasLostPatience = false
  /// Whether the client was let go.
  private var isAlone = false
  private var hasLeft = false

  static func begin(
    _ request: RunRequest, _ surroundings: Surroundings, _ configuration: Configuration, _ state: StateFolder,
    _ wishes: Wishes,
    _ finish: @escaping LoopProgram.Finish
  ) throws {
    // First of all: a thread that is made before would not hold these signals back.
    let signals = try SignalQueue(holding: [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCONT, SIGCHLD])
    let host = try Host(
      state: state, catalog: surroundings.catalog, configuration: configuration,
      environment: surroundings.environment, signals: signals)
    Guardian.note(host: host.id.description, group: host.killableGroup)
    let session: RunSession
    do {
      session = try RunSession(host, request, wishes, finish)
    } catch {
      _ = host.close()
      throw error
    }
    host.onSignal = { session.signalled($0) }
    host.onQuiet = { session.quiet() }
    host.log = { session.tell($0) }
    do {
      Guardian.hasWork(true)
      let run = try host.start(request, observer: session)
      session.run = run
      if Terminal.hasCursor && !wishes.isJSON && wishes.report == nil {
        session.status = StatusLine(run, printer: session.printer)
      }
    } catch {
      session.close()
      throw error
    }
  }

  private init(
    _ host: Host, _ request: RunRequest, _ wishes: Wishes, _ finish: @escaping LoopProgram.Finish
  ) throws {
    self.host = host
    self.wishes = wishes
    self.finish = finish
    printer = try Printer()
    reception = Reception(
      host: host, environment: request.environment, directory: request.directory, endsWithClient: true)
    try reception.listen()
  }

  // MARK: - The run

  func runChanged(_ run: RunRecord) {
    self.run = run
    status?.update(run)
    guard run.status.isTerminal else { return }
    // As JSON there is one answer; whoever waits for the burial wants to read of it.
    if !isVerdictShown && !((wishes.isJSON || wishes.report != nil) && wishes.waitsForBurial) { showVerdict(run) }
    if run.isRecorded && !run.disposal.isReleased { ledgerTimer.disarm() }
    if run.isRecorded && !wishes.waitsForBurial { end() }
    // Nothing but the ledger is left to wait for, and that not for ever.
    if run.disposal.isReleased || !(run.isRecorded || wishes.waitsForBurial || isAlone) {
      if ledgerTimer.deadline == .never { ledgerTimer.arm(at: Loop.shared.now + Self.ledgerPatience, source: self) }
    }
  }

  func runAppended(_ run: RunRecord) { status?.update(run) }

  var hearsText: Bool { true }

  func runSaid(_ run: RunID, _ text: [UInt8]) {
    guard outcome == nil, wishes.report == nil, Terminal.isOutputTerminal, !wishes.isJSON, printer.keepsUp else {
      return
    }
    hasSpoken = true
    say(text)
  }

  /// Prints what the agent says. A terminal does whatever it is told to, so it is shown what it looks like; a file or a
  /// program gets what was said.
  private func say(_ text: [UInt8]) {
    let text =
      Terminal.isOutputTerminal ? Array(Terminal.printable(String(decoding: text, as: UTF8.self)).utf8) : text
    if let status { status.write(text) } else { printer.write(text, to: STDOUT_FILENO) }
  }

  func runRefused(_ run: RunID, _ error: HostError) { end(.failure(CommandFailure(.trouble, error.message))) }

  /// Something that whoever called may have to act on.
  private func tell(_ message: String) {
    // Nobody listens any more.
    guard outcome == nil else { return }
    let line = Array("reeve: \(Terminal.printable(Surroundings.secrets.masked(message)))\n".utf8)
    if let status { status.complain(line) } else { printer.write(line, to: STDERR_FILENO) }
  }

  private func showVerdict(_ run: RunRecord) {
    isVerdictShown = true
    if let report = wishes.report { return report(run) }
    if wishes.isJSON {
      printer.write(Array((RunJSON.object(run).text + "\n").utf8), to: STDOUT_FILENO)
      return
    }
    if !hasSpoken, let answer = run.text ?? run.output?.text {
      say(Array((answer.hasSuffix("\n") ? answer : answer + "\n").utf8))
    }
    if run.flags.contains(.truncatedText) {
      tell("the answer is longer than the record holds; “reeve logs \(run.id)” has all of it")
    }
    guard run.status != .succeeded else { return }
    status?.end()
    let reason = run.reason.map { "/\($0)" } ?? ""
    let error = Terminal.printable(run.error ?? "")
    let line = "reeve: run \(run.id): \(run.status.rawValue)\(reason): \(error)\n"
    printer.write(Array(line.utf8), to: STDERR_FILENO)
  }

  // MARK: - The end

  /// Once asks, twice insists.
  private func signalled(_ number: Int32) {
    // The guardian that we have dismissed has ended, as it should.
    if number == SIGCONT && isAlone { return }
    // The client is gone: there is nobody left to insist.
    guard Guardian.isStanding else { return host.stop(.disconnect, urgency: .now) }
    // Somebody has let it go on; that is all.
    if number == SIGCONT { return }
    // The verdict is out, and somebody does not read it: whoever sends a signal does not want to wait for that.
    if outcome != nil { return answered() }
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
  func ready(_ tag: Int, _ readiness: Readiness) { answered() }

  /// The ledger took nothing for as long as is sensible to wait.
  func timerFired(_ tag: Int) {
    hasLostPatience = true
    if isOver {
      end()
      if isAlone { leave() }
    } else if isAlone {
      ledgerTimer.arm(at: Loop.shared.now + Self.ledgerPatience, source: self)
    } else if let run {
      tell(unrecorded(run, host.ledgerTrouble, isKept: true))
      end(.success(.trouble))
    }
  }

  /// Nothing of any run is left.
  private func quiet() {
    guard let run, run.status.isTerminal else { return }
    end()
    // Without a client there is no answer to wait for. What it does for others that died it does not leave half done.
    if !Guardian.isStanding && !host.isRecovering { leave() }
  }

  /// Whether all is buried or given up, and at most the ledger has something to do.
  private var isOver: Bool { host.liveRuns.allSatisfy { $0.status.isTerminal && $0.disposal.isReleased } }

  private func end() {
    guard let run, run.status.isTerminal else { return }
    if outcome == nil {
      if !isVerdictShown { showVerdict(run) }
      if wishes.waitsForBurial, run.disposal == .stuck { tell(survival(of: run)) }
    }
    end(.success(ExitCode(run.status)))
  }

  private func survival(of run: RunRecord) -> String {
    "some of run \(run.id) survived SIGKILL: \(run.leftovers?.text ?? "[]"); it is looked at again and again"
  }

  /// It is known how it went: what is left is to have the answer read, for which signals are still heard.
  private func end(_ result: Result<ExitCode, CommandFailure>) {
    guard outcome == nil else { return }
    status?.end()
    outcome = result
    do {
      printed = try Watched(try printer.finish(), tag: Tag.printed, source: self)
    } catch {
      answered()
    }
  }

  /// The answer is given, or nobody wants it.
  private func answered() {
    printed.take()?.close()
    // Whoever has a report to give is not let go before it.
    guard case .success(let code) = outcome, !isOver || host.isRecovering, wishes.report == nil else { return leave() }
    isAlone = true
    // Without a guardian this does nothing: the client is gone already.
    Guardian.dismiss(code: (Terminal.isInTrouble ? .trouble : code).rawValue)
  }

  /// Closes the ledger and ends the program.
  private func leave() {
    guard let outcome, !hasLeft else { return }
    hasLeft = true
    printed.take()?.close()
    let trouble = host.ledgerTrouble
    let remainder = close()
    if remainder.unwritten > 0, let run, !run.isRecorded || remainder.lost > 0 {
      finish(.failure(CommandFailure(.trouble, unrecorded(run, trouble, isKept: remainder.lost == 0))))
    } else {
      finish(outcome)
    }
  }

  private func unrecorded(_ run: RunRecord, _ trouble: LedgerError?, isKept: Bool) -> String {
    let fate = isKept ? "it is kept aside and will be recorded when the next reeve begins" : "it could not be kept"
    return "run \(run.id) is \(run.status.rawValue), but not recorded yet (\(fate)): "
      + (trouble?.message ?? "the ledger did not take it")
  }

  @discardableResult
  private func close() -> Backlog.Remainder {
    let patience: TimeSpan = hasLostPatience || ledgerTimer.deadline != .never ? .milliseconds(100) : .seconds(5)
    ledgerTimer.disarm()
    reception.close()
    let remainder = host.close(patience: patience)
    if remainder.unwritten == 0 { Guardian.hasWork(false) }
    return remainder
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
