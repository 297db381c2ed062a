internal import Host
internal import Model
internal import Plugins
internal import Wire

/// `reeve prune`
enum PruneCommand {
  static var command: Command {
    Command(
      name: "prune", words: "[RUN ...]", least: 0, most: .max,
      options: [
        Option(name: "dry-run", short: "n", meaning: "only say what would go"),
        Option(name: "older-than", value: "AGE", meaning: "forget runs that began longer ago, like 30d (default: 90d)"),
        Option(name: "files-older-than", value: "AGE", meaning: "remove the files of older runs (default: 14d)"),
        Option(name: "max-size", value: "SIZE", meaning: "keep no more than this of files, like 2GiB (default: 10GiB)"),
        Option(name: "status", value: "STATUS", meaning: "only runs that went like this; any number of times"),
        Command.json,
      ],
      summary: "Forgets old runs and removes their files; or just the runs that are named. Live ones always stay.",
      run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let surroundings = try Surroundings()
    let isDryRun = arguments.has("dry-run")
    let pruner = Pruner(state: try surroundings.state(), isDryRun: isDryRun)
    var outcome = Pruner.Outcome()
    if arguments.words.isEmpty {
      outcome = try pruner.prune(try rules(arguments, surroundings))
    } else {
      let lookup = try RunLookup(surroundings)
      for word in arguments.words { outcome.add(try pruner.delete(try lookup.run(word).id)) }
    }
    if arguments.has("json") {
      let json: JSON = [
        "dry_run": .bool(isDryRun), "runs": .integer(Int64(outcome.runs)),
        "folders": .integer(Int64(outcome.folders)), "bytes": .integer(outcome.bytes),
      ]
      Terminal.print(json.text + "\n")
    } else {
      let what = isDryRun ? "would forget" : "forgot"
      let runs = "\(outcome.runs) \(outcome.runs == 1 ? "run" : "runs")"
      let folders = "the files of \(outcome.folders), \(outcome.bytes >> 10) KiB"
      Terminal.print("\(what) \(runs) and remove\(isDryRun ? "" : "d") \(folders)\n")
    }
    return .succeeded
  }

  private static func rules(_ arguments: Arguments, _ surroundings: Surroundings) throws -> Pruner.Rules {
    var rules = Pruner.Rules(try surroundings.configuration().retention)
    if let text = arguments.value("older-than") { rules.retention.rows = try span(text, "older-than") }
    if let text = arguments.value("files-older-than") { rules.retention.files = try span(text, "files-older-than") }
    if let text = arguments.value("max-size"), text != "none" {
      guard let bytes = LimitText.value(text, unit: .bytes) else {
        throw CommandFailure(.usage, "--max-size \(text): write a number and a unit like 512MiB or 2GiB")
      }
      rules.retention.bytes = bytes
    } else if arguments.has("max-size") {
      rules.retention.bytes = nil
    }
    let words = arguments.all("status")
    if !words.isEmpty {
      rules.outcomes = try words.map { word in
        guard let status = Status(rawValue: word), status.isTerminal else {
          let known = Status.terminal.map(\.rawValue).joined(separator: ", ")
          throw CommandFailure(.usage, "--status \(word): a run that is over is one of \(known)")
        }
        return status
      }
    }
    return rules
  }

  /// What forgets runs forgets their files as well, so a shorter age for rows needs none for files.
  private static func span(_ text: String, _ option: String) throws(CommandFailure) -> TimeSpan? {
    if text == "none" { return nil }
    guard let value = LimitText.value(text, unit: .time) else {
      throw CommandFailure(.usage, "--\(option) \(text): write a number and a unit like 12h or 30d, or “none”")
    }
    return TimeSpan(nanoseconds: value)
  }
}
