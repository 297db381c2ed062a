internal import Glibc
internal import Host
internal import Kernel
internal import Model
internal import Wire

/// `reeve logs RUN`
enum LogsCommand {
  static var command: Command {
    Command(
      name: "logs", words: "RUN", least: 1, most: 1,
      options: [
        Option(name: "follow", short: "f", meaning: "go on until the run is over"),
        Option(name: "after", value: "EVENT", meaning: "only the events behind this number"),
        Option(name: "stderr", meaning: "what its programs wrote to stderr instead"),
        Command.json,
      ],
      summary: "Prints the events of a run, one JSON value a line.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let lookup = try RunLookup(try Surroundings())
    let run = try lookup.run(arguments.words[0])
    guard let after = Int64(arguments.value("after") ?? "0"), after >= 0 else {
      throw CommandFailure(.usage, "--after takes the number of an event")
    }
    if arguments.has("stderr") {
      guard !arguments.has("follow") else { throw CommandFailure(.usage, "--stderr and --follow do not go together") }
      return try printErrors(run, lookup.state)
    }
    var last = after
    if arguments.has("follow") && run.gone == nil { last = try follow(run, after: after, lookup) }
    let current = try lookup.run(run.id.description)
    try printEvents(current, after: last, lookup.state)
    if arguments.has("follow") && !current.status.isTerminal {
      throw CommandFailure(.trouble, "the host of run \(run.id) has gone while the run was \(current.status.rawValue)")
    }
    return .succeeded
  }

  /// Prints what the file has.
  private static func printEvents(_ run: RunRecord, after: Int64, _ state: StateFolder) throws {
    var reader = TranscriptReader(state: state, run: run, after: after)
    var lines: [UInt8] = []
    func take(_ number: Int64, _ event: [UInt8]) { lines += event + [UInt8(ascii: "\n")] }
    while try reader.readPiece(take) {
      Terminal.write(lines, to: STDOUT_FILENO)
      lines.removeAll(keepingCapacity: true)
    }
    if run.gone != nil { reader.finish(run, take) }
    Terminal.write(lines, to: STDOUT_FILENO)
  }

  /// Prints what the run's host sends, until the run is over or the host has gone. Gives the last event's number.
  private static func follow(_ run: RunRecord, after: Int64, _ lookup: borrowing RunLookup) throws -> Int64 {
    guard let client = try Owner.of(run, in: lookup.state) else { return after }
    _ = try client.call(
      "run/subscribe", ["run": .string(run.id.description), "after": .integer(after)])
    var last = after
    var end: Int64?
    var message = Notification()
    while let line = try client.next() {
      switch message.read(line.span.bytes) {
      case .appended(let first, let events):
        var text: [UInt8] = []
        for event in events { text += line[event] + [UInt8(ascii: "\n")] }
        Terminal.write(text, to: STDOUT_FILENO)
        last = first + Int64(events.count) - 1
      // What is left of its events may come after the news.
      case .over(let events): end = events
      case .stuck: return last
      case nil: break
      }
      if let end, last >= end { return last }
    }
    return last
  }

  private static func printErrors(_ run: RunRecord, _ state: StateFolder) throws -> ExitCode {
    do throws(SystemError) {
      let file = try state.runs.openDirectory(run.id.description).openPlainFile(RunFile.errors, flags: O_RDONLY)
      Terminal.write(try file.readAll(limit: .max) ?? [], to: STDOUT_FILENO)
    } catch {
      // Made at the first byte: a run that wrote nothing has none.
      guard error.code == ENOENT else { throw error }
    }
    return .succeeded
  }
}

/// Reads what a host sends to one that follows a run, without losing a byte of the events.
private struct Notification {
  enum Content {
    case appended(first: Int64, events: [Range<Int>])
    case over(events: Int64)
    case stuck
  }

  private var outer = LineScanner(wanted: WantedMembers(["method", "params"]))
  private var appended = LineScanner(wanted: WantedMembers(["first", "events"]))

  mutating func read(_ line: RawSpan) -> Content? {
    guard outer.scan(line) == .object, let method = outer.value(0), let params = outer.value(1) else { return nil }
    if JSONString.equals(line, range: method, "run/appended") { return readAppended(line, params) }
    guard JSONString.equals(line, range: method, "run/changed"),
      case .object(let object)? = try? JSON.parse(line.extracting(params)), case .object(let run)? = object["run"],
      case .string(let disposal)? = run["disposal"], case .integer(let events)? = run["events"],
      case .string(let status)? = run["status"], Status(rawValue: status)?.isTerminal == true
    else { return nil }
    guard let disposal = Disposal(rawValue: disposal), disposal.isReleased else { return nil }
    return disposal == .stuck ? .stuck : .over(events: events)
  }

  private mutating func readAppended(_ line: RawSpan, _ params: Range<Int>) -> Content? {
    let inner = line.extracting(params)
    guard appended.scan(inner) == .object, let first = appended.value(0), let list = appended.value(1),
      let number = JSONScalar.integer(inner, range: first)
    else { return nil }
    var events: [Range<Int>] = []
    JSONElements.forEach(inner, range: list) { range in
      events.append(range.lowerBound + params.lowerBound..<range.upperBound + params.lowerBound)
    }
    return .appended(first: number, events: events)
  }
}
