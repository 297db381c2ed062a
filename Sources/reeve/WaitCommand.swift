internal import Glibc
internal import Host
internal import Kernel
internal import Model
internal import Wire

/// `reeve wait RUN`
enum WaitCommand {
  /// How soon it is looked again for the end of a run whose host has just died.
  private static let interval: UInt32 = 100_000
  /// How much longer than it was told to wait a host may take to say so.
  private static let grace = TimeSpan.seconds(1)
  /// How long a host that cannot be reached may be one whose runs are just being settled.
  private static let recoveryPatience = TimeSpan.seconds(15)

  static var command: Command {
    Command(
      name: "wait", words: "RUN", least: 1, most: 1,
      options: [
        Option(name: "for", value: "gone", meaning: "until nothing of it is left, and not with its verdict"),
        Option(name: "timeout", value: "TIME", meaning: "no longer than this, like 10m; then it exits with 3"),
        Command.json,
      ],
      summary: "Waits for a run, whichever reeve owns it, and exits as it did.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let waitsForBurial = try waitsForBurial(arguments)
    let deadline = try arguments.span("timeout").map { Clock.now() + $0 }
    let surroundings = try Surroundings()
    var run = try RunLookup(surroundings).run(arguments.words[0])
    func isDone(_ run: RunRecord) -> Bool {
      waitsForBurial ? run.gone != nil || run.disposal == .stuck : run.status.isTerminal
    }
    var patience = Clock.now() + Self.recoveryPatience
    while !isDone(run) {
      let left = deadline.map { $0 - Clock.now() }
      if let left, left <= .zero {
        throw CommandFailure(.trouble, "run \(run.id) is still \(run.status.rawValue), \(run.disposal.rawValue)")
      }
      let state = try surroundings.state()
      do {
        if let owner = try Owner.of(run, in: state) {
          try wait(for: run, owner, waitsForBurial, left)
          patience = Clock.now() + Self.recoveryPatience
        }
      } catch let error as HostError {
        // Whoever settles what a dead host left holds its lock meanwhile, so that it seems to live.
        guard case .ownerUnreachable = error.code, Clock.now() < patience else { throw error }
      }
      // What is in the ledger counts. It comes a moment after the answer when the ledger is slow.
      run = try RunLookup(surroundings).run(run.id.description)
      if !isDone(run) { usleep(interval) }
    }
    Terminal.print(arguments.has("json") ? RunJSON.object(run).text + "\n" : "")
    return ExitCode(run.status)
  }

  private static func wait(
    for run: RunRecord, _ owner: Owner, _ waitsForBurial: Bool, _ left: TimeSpan?
  ) throws {
    var params: JSONObject = ["run": .string(run.id.description), "until": waitsForBurial ? "gone" : "settled"]
    if let left { params["timeout"] = .string("\(max(1, left.milliseconds))ms") }
    do {
      _ = try owner.call("run/wait", .object(params), within: left.map { $0 + Self.grace })
    } catch let error as HostError {
      // It has gone meanwhile: what it left is in the ledger, or will be.
      guard case .system = error.code else { throw error }
    }
  }

  private static func waitsForBurial(_ arguments: Arguments) throws(CommandFailure) -> Bool {
    guard let moment = arguments.value("for") else { return false }
    guard moment == "gone" else { throw CommandFailure(.usage, "--for \(moment): it can only be “gone”") }
    return true
  }
}
