internal import Host
internal import Model
internal import Wire

/// `reeve show RUN`
enum ShowCommand {
  static var command: Command {
    Command(
      name: "show", words: "RUN", least: 1, most: 1, options: [Command.json],
      summary: "Shows all that is known of a run.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let lookup = try RunLookup(try Surroundings())
    let run = try lookup.run(arguments.words[0])
    if arguments.has("json") {
      Terminal.print(RunJSON.object(run).text + "\n")
      return .succeeded
    }
    let status = [run.status.rawValue, run.reason].compactMap { $0 }.joined(separator: "/")
    var rows: [(String, String?)] = [
      ("run", run.id.description), ("plugin", run.plugin), ("status", status), ("disposal", run.disposal.rawValue),
      ("flags", run.flags.isEmpty ? nil : run.flags.words.joined(separator: ", ")),
      ("error", run.error), ("created", run.created.description), ("started", run.started?.description),
      ("settled", run.settled?.description), ("gone", run.gone?.description), ("directory", run.directory),
      ("session", run.session), ("exit", run.exit.map { exit($0) }), ("pid", run.pid.map { String($0) }),
    ]
    rows += [
      ("events", "\(run.events), \(run.bytes) bytes\(run.noise > 0 ? ", \(run.noise) not JSON" : "")"),
      ("usage", run.usage?.text), ("cost", run.cost.map { "$\($0)" }),
      ("labels", run.labels.text == "{}" ? nil : run.labels.text), ("prompt", run.prompt.isEmpty ? nil : run.prompt),
      ("output", run.output?.text), ("text", run.text),
    ]
    Terminal.print(columns(rows.compactMap { row in row.1.map { (row.0, indented(Terminal.printable($0))) } }) + "\n")
    return .succeeded
  }

  private static func exit(_ exit: ProcessExit) -> String {
    switch exit {
    case .code(let code): "code \(code)"
    case .signal(let signal): SignalName.text(signal)
    }
  }

  /// Further lines stand below the first.
  private static func indented(_ text: String) -> String {
    text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).joined(separator: "\n             ")
  }
}
