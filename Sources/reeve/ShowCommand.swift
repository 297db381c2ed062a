internal import Host
internal import Model
internal import Wire

/// `reeve show RUN`
enum ShowCommand {
  static var command: Command {
    Command(
      name: "show", words: "RUN", least: 1, most: 1,
      options: [
        Option(name: "why", meaning: "how it came to be what it is, on what evidence"), Command.json,
      ],
      summary: "Shows all that is known of a run.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let lookup = try RunLookup(try Surroundings())
    defer { lookup.finish() }
    let run = try lookup.run(arguments.words[0])
    if arguments.has("why") { return try explain(run, lookup, asJSON: arguments.has("json")) }
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
      ("session", run.session), ("resumes", run.resumes?.description), ("resumed by", run.resumedBy?.description),
      ("parent", run.parent?.description), ("exit", run.exit.map { exit($0) }), ("pid", run.pid.map { String($0) }),
    ]
    rows += [
      ("events", "\(run.events), \(run.bytes) bytes\(run.noise > 0 ? ", \(run.noise) not JSON" : "")"),
      ("usage", run.usage?.text), ("cost", run.cost.map { "$\($0)" }),
      ("containment", run.containment?.rawValue), ("memory", memory(run)),
      ("cpu", run.cpuMilliseconds.map { "\($0) ms" }),
      ("tasks", run.tasksPeak.map { "\($0) at most" }), ("leftovers", leftovers(run)), ("limits", limits(run)),
      ("host", run.host.description),
      ("labels", run.labels.text == "{}" ? nil : run.labels.text), ("prompt", run.prompt.isEmpty ? nil : run.prompt),
      ("output", run.output?.text), ("text", run.text),
    ]
    Terminal.print(columns(rows.compactMap { row in row.1.map { (row.0, indented(Terminal.printable($0))) } }) + "\n")
    return .succeeded
  }

  /// Each change of its status, with what it rests on.
  private static func explain(_ run: RunRecord, _ lookup: borrowing RunLookup, asJSON: Bool) throws -> ExitCode {
    let transitions = try lookup.transitions(of: run.id)
    if asJSON {
      let list = transitions.map { RunJSON.transition($0) }
      Terminal.print(JSON.object(["run": .string(run.id.description), "transitions": .array(list)]).text + "\n")
      return .succeeded
    }
    var text = ""
    for transition in transitions {
      let status = [transition.to, transition.reason].compactMap { $0 }.joined(separator: "/")
      text += "\(transition.at)  \(transition.from.map { "\($0) → " } ?? "")\(status), by host \(transition.host)\n"
      guard let evidence = transition.evidence, case .object(let members)? = try? JSON.parse(evidence.text) else {
        continue
      }
      text += columns(members.members.map { ("    \($0.key)", plain($0.value)) }) + "\n"
    }
    Terminal.print(Terminal.printable(text))
    return .succeeded
  }

  private static func plain(_ value: JSON) -> String {
    switch value {
    case .null: "–"
    case .string(let text): text
    default: value.text
    }
  }

  private static func exit(_ exit: ProcessExit) -> String {
    switch exit {
    case .code(let code): "code \(code)"
    case .signal(let signal): SignalName.text(signal)
    }
  }

  private static func memory(_ run: RunRecord) -> String? {
    guard let peak = run.memoryPeak else { return nil }
    let limit = run.memoryLimit.map { " of \($0 >> 20) MiB" } ?? ""
    return "\(peak >> 20) MiB at most\(limit)" + (run.memoryEnforcer.map { ", by \($0.rawValue)" } ?? "")
  }

  /// What was still alive, as a person would look for it.
  private static func leftovers(_ run: RunRecord) -> String? {
    guard let text = run.leftovers?.text, case .array(let list)? = try? JSON.parse(text), !list.isEmpty else {
      return nil
    }
    return list.map { process in
      guard case .object(let object) = process, let pid = object["pid"], case .string(let name)? = object["name"] else {
        return process.text
      }
      return "\(name) (\(pid.text))"
    }.joined(separator: ", ")
  }

  /// The limits that somebody has set.
  private static func limits(_ run: RunRecord) -> String? {
    guard case .object(let all)? = try? JSON.parse(run.limits.text) else { return nil }
    let set = all.members.compactMap { member -> String? in
      guard case .object(let limit) = member.value, case .string(let value)? = limit["value"],
        case .string(let origin)? = limit["from"], origin != Limits.Origin.default.rawValue
      else { return nil }
      return "\(member.key)=\(value) (\(origin))"
    }
    return set.isEmpty ? nil : set.joined(separator: ", ")
  }

  /// Further lines stand below the first.
  private static func indented(_ text: String) -> String {
    text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).joined(separator: "\n             ")
  }
}
