internal import Model

/// The columns of a run, in groups by who may write them when, with how they are bound and read.
///
/// Names and values stand side by side here and nowhere else.
enum RunColumns {
  /// Written once, when the run is accepted.
  static let fixed = [
    "id", "host", "plugin", "created", "directory", "prompt", "labels", "limits", "resumes", "parent", "terms",
    "key", "request", "environment",
  ]
  /// Those of them that many runs share, with the columns that say where they are kept.
  static let shared = ["limits": "limits_text", "environment": "environment_text"]
  /// What a new row has.
  static let row = written + ["limits_text", "environment_text"]
  /// Written with a change of status, and never after a terminal one.
  static let verdict = ["status", "reason", "settled", "output", "text", "error"]
  /// Facts about the process: written until it is gone.
  static let facts = [
    "disposal", "flags", "started", "gone", "pid", "start_ticks", "session", "exit_code", "exit_signal", "usage",
    "cost", "cumulative", "events", "events_stored", "bytes", "noise", "containment", "control_groups", "memory_limit",
    "memory_enforcer", "memory_peak", "tasks_peak", "cpu_milliseconds", "leftovers",
  ]
  /// The oldest version of the schema whose spills are read.
  static let oldestVersion = 4
  /// Columns that came later than that, each with the version that brought it.
  private static let versions = ["environment": 5, "cumulative": 5]

  /// The columns that a host of this version wrote, in their order.
  static func written(in version: Int) -> [String] { written.filter { versions[$0, default: 0] <= version } }

  static func bindFixed(_ run: RunRecord, _ binder: inout some ValueSink) {
    binder.add(run.id.description)
    binder.add(run.host.description)
    binder.add(run.plugin)
    binder.add(run.created.milliseconds)
    binder.add(run.directory)
    binder.add(run.prompt)
    binder.add(run.labels.text)
    binder.add(run.limits.text)
    binder.add(run.resumes?.description)
    binder.add(run.parent?.description)
    binder.add(run.terms?.text)
    binder.add(run.key)
    binder.add(run.request)
    binder.add(run.environment?.text)
  }

  /// What a new row has, when its texts are kept under these numbers.
  static func bindRow(_ run: RunRecord, limits: Int64, environment: Int64?, _ binder: inout some ValueSink) {
    var row = run
    (row.limits, row.environment) = (JSONText(valid: "{}"), nil)
    bindAll(row, &binder)
    binder.add(limits)
    binder.add(environment)
  }

  static func bindVerdict(_ run: RunRecord, _ binder: inout some ValueSink) {
    binder.add(run.status.rawValue)
    binder.add(run.reason)
    binder.add(run.settled?.milliseconds)
    binder.add(run.output?.text)
    binder.add(run.text)
    binder.add(run.error)
  }

  static func bindFacts(_ run: RunRecord, _ binder: inout some ValueSink) {
    binder.add(run.disposal.rawValue)
    binder.add(run.flags.words.joined(separator: " "))
    binder.add(run.started?.milliseconds)
    binder.add(run.gone?.milliseconds)
    binder.add(run.pid.map { Int64($0) })
    binder.add(run.startTicks)
    binder.add(run.session)
    switch run.exit {
    case nil:
      binder.add(Int64?.none)
      binder.add(Int64?.none)
    case .code(let code):
      binder.add(Int64(code))
      binder.add(Int64?.none)
    case .signal(let signal):
      binder.add(Int64?.none)
      binder.add(Int64(signal))
    }
    binder.add(run.usage?.text)
    binder.add(run.cost)
    binder.add(run.cumulative?.text)
    binder.add(run.events)
    binder.add(run.eventsStored)
    binder.add(run.bytes)
    binder.add(run.noise)
    binder.add(run.containment?.rawValue)
    binder.add(run.controlGroups)
    binder.add(run.memoryLimit)
    binder.add(run.memoryEnforcer?.rawValue)
    binder.add(run.memoryPeak)
    binder.add(run.tasksPeak)
    binder.add(run.cpuMilliseconds)
    binder.add(run.leftovers?.text)
  }

  /// What a host writes.
  static let written = fixed + verdict + facts
  /// What is read: also what the swap of a resume writes.
  static let selection = selecting(written.map(place))

  /// Where a column is to be read.
  private static func place(_ column: String) -> String {
    guard let reference = shared[column] else { return column }
    // The row has it itself where a host of an older version wrote it.
    return "coalesce((SELECT texts.text FROM texts WHERE texts.id = runs.\(reference)), runs.\(column))"
  }

  /// The same for lists: what is too long for one is not brought along. In the place of an output stands a text that is too
  /// long as well, by which whoever shows the run can tell.
  static let excerpts = selecting(
    written.map { column in
      switch column {
      case "output": "CASE WHEN length(output) > \(RunQuery.excerptBytes) THEN \(tooLong) ELSE output END"
      // Names by the thousand: they are looked at for one run at a time.
      case "environment": "NULL"
      case "text", "prompt": "substr(\(column), 1, \(RunQuery.excerptBytes + 1))"
      default: place(column)
      }
    })
  private static let tooLong = "json_quote(printf('%.*c', \(RunQuery.excerptBytes), 'x'))"

  private static func selecting(_ columns: [String]) -> String {
    (columns + ["resumed_by", Schema.resumable("runs")]).joined(separator: ", ")
  }

  /// Everything a host writes, in the order of `selection`.
  static func bindAll(_ run: RunRecord, _ sink: inout some ValueSink) {
    bindFixed(run, &sink)
    bindVerdict(run, &sink)
    bindFacts(run, &sink)
  }

  /// Reads what a host of this version has bound: what it did not know of is nothing.
  static func read(_ source: some ValueSource, writtenIn version: Int) -> RunRecord? {
    read(OlderValues(source: source, has: written.map { versions[$0, default: 0] <= version }))
  }

  /// Reads what `selection` names; nil when a newer or broken Reeve wrote what this one cannot read.
  static func read(_ source: some ValueSource) -> RunRecord? {
    var source = source
    func text() -> String? { source.text() }
    func integer() -> Int64? { source.integer() }
    func time() -> Timestamp? { integer().map { Timestamp(milliseconds: $0) } }

    guard let id = text().flatMap({ RunID($0) }), let host = text().flatMap({ HostID($0) }),
      let plugin = text(), let created = time(), let directory = text(), let prompt = text(),
      let labels = text(), let limits = text()
    else { return nil }
    var run = RunRecord(
      id: id, plugin: plugin, host: host, created: created, directory: directory, prompt: prompt,
      labels: JSONText(valid: labels), limits: JSONText(valid: limits))
    run.resumes = text().flatMap { RunID($0) }
    run.parent = text().flatMap { RunID($0) }
    run.terms = text().map { JSONText(valid: $0) }
    run.key = text()
    run.request = text()
    run.environment = text().map { JSONText(valid: $0) }

    guard let status = text().flatMap({ Status(rawValue: $0) }) else { return nil }
    run.status = status
    run.reason = text()
    run.settled = time()
    run.output = text().map { JSONText(valid: $0) }
    run.text = text()
    run.error = text()

    guard let disposal = text().flatMap({ Disposal(rawValue: $0) }) else { return nil }
    run.disposal = disposal
    run.flags = Flags(words: (text() ?? "").split(separator: " "))
    run.started = time()
    run.gone = time()
    run.pid = integer().map { Int32(truncatingIfNeeded: $0) }
    run.startTicks = integer()
    run.session = text()
    let code = integer()
    let signal = integer()
    run.exit =
      code.map { .code(Int32(truncatingIfNeeded: $0)) } ?? signal.map { .signal(Int32(truncatingIfNeeded: $0)) }
    run.usage = text().map { JSONText(valid: $0) }
    run.cost = source.number()
    run.cumulative = text().map { JSONText(valid: $0) }
    run.events = integer() ?? 0
    run.eventsStored = integer() ?? 0
    run.bytes = integer() ?? 0
    run.noise = integer() ?? 0
    run.containment = text().flatMap { Containment(rawValue: $0) }
    run.controlGroups = text()
    run.memoryLimit = integer()
    run.memoryEnforcer = text().flatMap { Enforcer(rawValue: $0) }
    run.memoryPeak = integer()
    run.tasksPeak = integer()
    run.cpuMilliseconds = integer()
    run.leftovers = text().map { JSONText(valid: $0) }
    run.resumedBy = text().flatMap { RunID($0) }
    run.isResumable = integer() == 1
    return run
  }
}

/// The values of a record that may lack some, at places that are known.
private struct OlderValues<Source: ValueSource>: ValueSource {
  private var source: Source
  /// Whether each value is there. What comes behind those that a host writes is not.
  private var has: ArraySlice<Bool>

  init(source: Source, has: [Bool]) {
    self.source = source
    self.has = has[...]
  }

  mutating func integer() -> Int64? { isNextThere() ? source.integer() : nil }

  mutating func number() -> Double? { isNextThere() ? source.number() : nil }

  mutating func text() -> String? { isNextThere() ? source.text() : nil }

  private mutating func isNextThere() -> Bool { has.popFirst() ?? false }
}
