internal import Host
internal import Kernel
internal import Model
internal import Wire

/// `reeve ps`
enum PsCommand {
  static var command: Command {
    Command(
      name: "ps", words: "", least: 0, most: 0,
      options: [
        Option(name: "all", short: "a", meaning: "all runs, newest first, not only those that live"),
        Option(name: "limit", value: "COUNT", meaning: "at most so many with --all (default: 100)"),
        Command.json,
      ],
      summary: "Lists the runs that live.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    guard let limit = Int(arguments.value("limit") ?? "100"), limit > 0 else {
      throw CommandFailure(.usage, "--limit takes a whole number above 0")
    }
    let lookup = try RunLookup(try Surroundings())
    defer { lookup.finish() }
    let runs = arguments.has("all") ? try lookup.allRuns(limit: limit) : try lookup.liveRuns()
    if arguments.has("json") {
      Terminal.print(JSON.array(runs.map { RunJSON.object($0, isExcerpt: true) }).text + "\n")
      return .succeeded
    }
    let now = Clock.wallMilliseconds()
    let rows = runs.map { run in
      [run.id.description, run.plugin, state(run, lookup), age(run, now), excerpt(run)]
    }
    if rows.isEmpty {
      Terminal.print(arguments.has("all") ? "no runs yet\n" : "no run is live; “reeve ps --all” lists the others\n")
    } else {
      Terminal.print(table([["RUN", "PLUGIN", "STATUS", "AGE", ""]] + rows))
    }
    return .succeeded
  }

  private static func state(_ run: RunRecord, _ lookup: borrowing RunLookup) -> String {
    let status = [run.status.rawValue, run.reason].compactMap { $0 }.joined(separator: "/")
    guard run.gone == nil else { return status }
    if run.status.isTerminal { return "\(status) (\(run.disposal.rawValue))" }
    if let position = run.position { return "\(status) (\(position))" }
    return lookup.isHostAlive(of: run) ? status : "\(status) (its host has died; being settled)"
  }

  private static func age(_ run: RunRecord, _ now: Int64) -> String {
    let seconds = max(0, (now &- run.created.milliseconds) / 1000)
    return switch seconds {
    case ..<60: "\(seconds)s"
    case ..<3600: "\(seconds / 60)m"
    case ..<86_400: "\(seconds / 3600)h"
    default: "\(seconds / 86_400)d"
    }
  }

  private static func excerpt(_ run: RunRecord) -> String {
    let text = Terminal.printable(run.error ?? run.text ?? run.prompt)
    let line = text.split(whereSeparator: \.isNewline).first.map { String($0) } ?? ""
    return line.count > 60 ? String(line.prefix(59)) + "…" : line
  }
}
