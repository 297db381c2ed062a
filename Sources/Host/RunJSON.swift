internal import Kernel
internal import Ledger
public import Model
internal import Plugins
public import Wire

/// A run as the protocol and `--json` show it.
public enum RunJSON {
  /// Longer texts are cut where runs are listed or their changes told.
  public static let excerptBytes = RunQuery.excerptBytes

  /// All that is known of a run. What is unknown is null.
  public static func object(_ run: RunRecord, isExcerpt: Bool = false) -> JSON {
    var object: JSONObject = [
      "id": .string(run.id.description), "plugin": .string(run.plugin), "status": .string(run.status.rawValue),
      "reason": string(run.reason), "disposal": .string(run.disposal.rawValue),
      "flags": .array(run.flags.words.map { .string($0) }), "created": .string(run.created.description),
      "started": string(run.started?.description), "settled": string(run.settled?.description),
      "gone": string(run.gone?.description), "cwd": .string(run.directory), "session": string(run.session),
      "resumes": string(run.resumes?.description), "parent": string(run.parent?.description),
      "labels": raw(run.labels),
    ]
    if let successor = run.resumedBy { object["resumed_by"] = .string(successor.description) }
    if let position = run.position { object["position"] = .integer(Int64(position)) }
    if let activity = run.activity, !run.status.isTerminal { object["activity"] = .string(activity) }
    let isOutputCut = isExcerpt && (run.output?.text.utf8.count ?? 0) > excerptBytes
    let isTextCut = isExcerpt && (run.text?.utf8.count ?? 0) > excerptBytes
    object["output"] = isOutputCut ? .null : run.output.map { raw($0) } ?? .null
    object["text"] = string(isTextCut ? run.text.map { prefix($0) } : run.text)
    if isOutputCut || isTextCut { object["truncated"] = .bool(true) }
    object["error"] = string(run.error)
    object["exit"] = run.exit.map { exit($0) } ?? .null
    object["usage"] = run.usage.map { raw($0) } ?? .null
    object["cost_usd"] = run.cost.map { .number($0) } ?? .null
    if let cumulative = run.cumulative { object["cumulative"] = raw(cumulative) }
    object["events"] = .integer(run.events)
    object["bytes"] = .integer(run.bytes)
    object["noise"] = .integer(run.noise)
    object["limits"] = raw(run.limits)
    if !isExcerpt, let environment = run.environment { object["environment"] = raw(environment) }
    object["containment"] = string(run.containment?.rawValue)
    object["memory"] = memory(run)
    object["cpu_ms"] = integer(run.cpuMilliseconds)
    object["tasks_peak"] = integer(run.tasksPeak)
    object["leftovers"] = run.leftovers.map { raw($0) } ?? .null
    object["host"] = .string(run.host.description)
    object["pid"] = run.pid.map { .integer(Int64($0)) } ?? .null
    object["recorded"] = .bool(run.isRecorded)
    return .object(object)
  }

  /// A change of a run's status.
  public static func transition(_ transition: Transition) -> JSON {
    [
      "at": .string(transition.at.description), "from": string(transition.from), "to": .string(transition.to),
      "reason": string(transition.reason), "host": .string(transition.host),
      "evidence": transition.evidence.map { raw($0) } ?? .null,
    ]
  }

  /// How much memory it may use and has used, and who sees to it.
  static func memory(_ run: RunRecord) -> JSON {
    [
      "limit": integer(run.memoryLimit), "peak": integer(run.memoryPeak),
      "enforced_by": string(run.memoryEnforcer?.rawValue),
    ]
  }

  /// More names than this help nobody.
  private static let mostNamed = 32

  /// Processes by name and pid.
  static func processes(_ processes: [ProcessStat]) -> JSONText {
    let named = processes.prefix(mostNamed).map { process -> JSON in
      ["pid": .integer(Int64(process.pid)), "name": .string(process.name)]
    }
    return JSONText(valid: JSON.array(named).text)
  }

  /// Why a program could not be started.
  public static func startFailure(_ failure: StartFailure) -> JSON {
    ["step": .string(failure.step), "errno": .string(failure.error), "path": .string(failure.path)]
  }

  /// How a process ended.
  public static func exit(_ exit: ProcessExit) -> JSON {
    switch exit {
    case .code(let code): ["code": .integer(Int64(code))]
    case .signal(let signal): ["signal": .string(SignalName.text(signal))]
    }
  }

  static func labels(_ labels: [(name: String, value: String)]) -> JSONText {
    var object = JSONObject()
    for label in labels { object[label.name] = .string(label.value) }
    return JSONText(valid: JSON.object(object).text)
  }

  /// More names of variables than this are a mistake, and would stand in every row.
  private static let mostVariables = 1000

  /// What became of the variables of a caller, by name.
  static func environment(_ report: EnvironmentPreview) -> JSONText {
    func list(_ names: [String]) -> JSON { .array(names.prefix(mostVariables).map { .string($0) }) }
    let json: JSON = [
      "passed": list(report.passed), "dropped": list(report.dropped), "missing": list(report.missing + report.absent),
    ]
    return JSONText(valid: json.text)
  }

  static func limits(_ limits: Limits) -> JSONText {
    // Neither names nor values have anything in them that JSON would want otherwise.
    var text = "{"
    for name in LimitName.allCases {
      if text.utf8.count > 1 { text += "," }
      text += #""\#(name.rawValue)":{"value":"\#(limits.text(name))","from":"\#(limits[name].origin.rawValue)"}"#
    }
    return JSONText(valid: text + "}")
  }

  private static let lineLimitPlace = JSONPointer("/line/value")

  /// How long a line of this run may be, by the limits it was given.
  static func lineLimit(of run: RunRecord) -> Int {
    var limits = Limits()
    let text = run.limits.text.utf8Span.span.bytes
    if let steps = lineLimitPlace?.steps,
      let value = JSONPointer.follow(steps, in: text, from: 0..<text.byteCount), JSONString.isString(text, value)
    {
      try? limits.assign("line", JSONString.text(text, value), from: .default)
    }
    return limits[.line].value.map { Int($0) } ?? .max
  }

  private static func string(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }

  private static func integer(_ number: Int64?) -> JSON { number.map { .integer($0) } ?? .null }

  private static func raw(_ text: JSONText) -> JSON { .raw(Array(text.text.utf8)) }

  /// The beginning of a text, whole characters only.
  private static func prefix(_ text: String) -> String {
    let bytes = text.utf8
    var end = bytes.index(bytes.startIndex, offsetBy: excerptBytes, limitedBy: bytes.endIndex) ?? bytes.endIndex
    // A byte in the middle of a character stands for none.
    while end.samePosition(in: text.unicodeScalars) == nil { end = bytes.index(before: end) }
    return String(text.unicodeScalars[..<end])
  }
}
