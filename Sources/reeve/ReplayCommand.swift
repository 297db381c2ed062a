internal import Dialects
internal import Glibc
internal import Host
internal import Kernel
internal import Model
internal import Plugins
internal import Wire

/// `reeve replay TRANSCRIPT`
enum ReplayCommand {
  static var command: Command {
    Command(
      name: "replay", words: "TRANSCRIPT", least: 1, most: 1,
      options: [
        Option(name: "plugin", value: "PLUGIN", meaning: "the plugin whose agent wrote it"),
        Option(
          name: "exit", value: "CODE|SIGNAL",
          meaning: "how its program ended: a number or a name like SIGTERM; 0 if not given"),
        Option(name: "stderr", value: "FILE", meaning: "what it wrote to stderr"), Command.json,
      ],
      summary: "Tells what a transcript would make of a run: to write and to try dialects.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let surroundings = try Surroundings()
    guard let name = arguments.value("plugin") else {
      throw CommandFailure(.usage, "which --plugin wrote it? Its rules tell what the lines mean")
    }
    let manifest = try surroundings.catalog.plugin(name, for: try surroundings.directory())
    let exit = try exit(arguments.value("exit"))
    var replay = Replay(manifest)
    try replay.read(try open(arguments.words[0]), lineLimit: Int(Limits()[.line].value ?? .max))
    if let path = arguments.value("stderr") { try replay.readErrors(try open(path)) }
    let verdict = replay.verdict(on: exit)
    let report = Report(
      replay: replay, verdict: verdict, error: replay.explanation(of: verdict, on: exit), plugin: name)
    Terminal.print(arguments.has("json") ? report.json.text + "\n" : report.table)
    return .succeeded
  }

  private static func open(_ path: String) throws -> Descriptor {
    do {
      return try Descriptor.open(path == "-" ? "/dev/stdin" : path, flags: O_RDONLY)
    } catch {
      throw CommandFailure(.usage, "\(path) cannot be read: \(error)")
    }
  }

  private static func exit(_ text: String?) throws(CommandFailure) -> ProcessExit {
    guard let text else { return .code(0) }
    if let code = Int32(text), (0...255).contains(code) { return .code(code) }
    if let signal = SignalName.number(text) { return .signal(signal) }
    throw CommandFailure(.usage, "--exit \(text): it should be a code from 0 to 255, or a signal like SIGTERM")
  }
}

/// What came of it.
private struct Report {
  let replay: Replay
  let verdict: Verdict
  let error: String?
  let plugin: String

  private var testimony: Testimony { replay.testimony }

  var json: JSON {
    func text(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
    func raw(_ text: JSONText?) -> JSON { text.map { .raw(Array($0.text.utf8)) } ?? .null }
    var object: JSONObject = [
      "plugin": .string(plugin), "status": .string(verdict.status.rawValue), "reason": text(verdict.reason),
      "error": text(error), "session": text(testimony.session), "output": raw(testimony.outcome?.output),
      "text": text(testimony.text), "usage": raw(testimony.usage.text),
      "cost_usd": testimony.usage.cost.map { .number($0) } ?? .null,
    ]
    if let cumulative = testimony.usage.cumulativeText { object["cumulative"] = raw(cumulative) }
    object["flags"] = .array(replay.flags.words.map { .string($0) })
    object["events"] = .integer(replay.events)
    object["noise"] = .integer(replay.noise)
    object["tools"] = .array(
      replay.tools.map { tool in
        [
          "name": text(tool.name), "state": .string(tool.isFinished ? "finished" : "started"),
          "ok": tool.isFine.map { .bool($0) } ?? .null,
        ]
      })
    return .object(object)
  }

  var table: String {
    let status = [verdict.status.rawValue, verdict.reason].compactMap { $0 }.joined(separator: "/")
    let tools = replay.tools.map { tool in
      let state = tool.isFinished ? (tool.isFine.map { $0 ? "fine" : "failed" } ?? "finished") : "not finished"
      return "\(tool.name ?? "?") (\(state))"
    }
    let rows: [(String, String?)] = [
      ("status", status), ("error", error), ("session", testimony.session),
      ("flags", replay.flags.isEmpty ? nil : replay.flags.words.joined(separator: ", ")),
      ("tools", tools.isEmpty ? nil : tools.joined(separator: ", ")), ("usage", testimony.usage.text?.text),
      ("cost", testimony.usage.cost.map { "$\($0)" }), ("cumulative", testimony.usage.cumulativeText?.text),
      ("events", "\(replay.events), \(replay.noise) of them not understood as JSON or text"), ("text", testimony.text),
    ]
    return columns(rows.compactMap { row in row.1.map { (row.0, Terminal.printable($0)) } }) + "\n"
  }
}
