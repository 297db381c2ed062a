public import Dialects
internal import Glibc
public import Kernel
public import Model
public import Plugins
public import Supervision
internal import Wire

/// What an agent had said, read from what it wrote: by whoever judges in the place of a host that died, and for people
/// who write dialects.
public struct Replay {
  /// A tool call, as far as it got.
  public struct Tool: Sendable {
    /// The tool's name, if it was said.
    public let name: String?
    /// Whether its end was told.
    public fileprivate(set) var isFinished = false
    /// Whether it went well, if that was said.
    public fileprivate(set) var isFine: Bool?
    fileprivate let key: UInt64
  }

  /// More tool calls than a person reads.
  private static let mostTools = 1000

  private var interpreter: Interpreter
  /// What it said.
  public private(set) var testimony: Testimony
  /// The tools that it called, in order.
  public private(set) var tools: [Tool] = []
  /// How many lines it wrote.
  public private(set) var events: Int64 = 0
  /// How many of them were neither JSON nor text of the kind that its dialect expects.
  public private(set) var noise: Int64 = 0
  /// How many bytes it wrote.
  public private(set) var bytes: Int64 = 0
  /// What is worth a look.
  public private(set) var flags: Flags = []
  private var word: (word: FinalWord, event: Int64)?
  private var isDone = false
  private var isLastLineCut = false
  private let terms: Terms

  /// Nothing was read yet of an agent that speaks this dialect and is held to these terms.
  public init(_ dialect: Dialect, _ terms: Terms, goingOnWith session: String? = nil) {
    interpreter = Interpreter(dialect)
    testimony = Testimony(dialect, goingOnWith: session)
    self.terms = terms
  }

  /// What a run of this plugin would have made of it.
  public init(_ manifest: Manifest) {
    self.init(manifest.dialect, Terms(of: manifest))
  }

  // MARK: - Reading

  /// Reads what was written to stdout.
  public mutating func read(_ file: borrowing Descriptor, lineLimit: Int) throws(SystemError) {
    var splitter = LineSplitter(limit: lineLimit)
    try Self.forEachPiece(of: file) { piece in
      bytes += Int64(piece.byteCount)
      splitter.feed(piece, line: { read($0) }, skipped: { _ in skipped() })
    }
    // A last line that only lacks its newline is one as well.
    let noise = noise
    splitter.finish(line: { read($0) }, skipped: { _ in skipped() })
    interpret { $0.finishText($1) }
    isLastLineCut = self.noise > noise
  }

  /// Reads what was written to stderr.
  public mutating func readErrors(_ file: borrowing Descriptor) throws(SystemError) {
    var splitter = LineSplitter(limit: Interpreter.longestText)
    try Self.forEachPiece(of: file) { piece in splitter.feed(piece, line: { readError($0) }, skipped: { _ in }) }
    splitter.finish(line: { readError($0) }, skipped: { _ in })
  }

  private static func forEachPiece(
    of file: borrowing Descriptor, _ body: (RawSpan) -> Void
  ) throws(SystemError) {
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 4096)
    defer { room.deallocate() }
    while case .bytes(let count) = try file.read(into: room), count > 0 {
      body(UnsafeRawBufferPointer(rebasing: room.prefix(count)).bytes)
    }
  }

  private mutating func skipped() {
    events += 1
    flags.insert(.truncatedLine)
  }

  private mutating func read(_ line: RawSpan) {
    events += 1
    testimony.lineBegan()
    if interpret({ $0.read(line, $1) }) == .noise {
      noise += 1
      flags.insert(.noise)
    }
  }

  private mutating func readError(_ line: RawSpan) {
    testimony.lineBegan()
    if !interpret({ $0.readError(line, $1) }) { testimony.complained(line) }
  }

  /// The interpreter is taken out while it is at work: what it tells changes the rest.
  private mutating func interpret<Value>(
    _ body: (inout Interpreter, (Meaning, RawSpan) -> Void) -> Value
  ) -> Value {
    var interpreter = self.interpreter
    defer { self.interpreter = interpreter }
    return body(&interpreter) { hear($0, $1) }
  }

  private mutating func hear(_ meaning: Meaning, _ line: RawSpan) {
    let isOver = isDone || (word != nil && !terms.hearsOn)
    testimony.take(meaning, in: line, isOver: isOver)
    switch meaning {
    case .toolStarted(let call):
      guard tools.count < Self.mostTools else { return }
      tools.append(Tool(name: call.name?.message(in: line), key: call.key))
    case .toolFinished(let call, let isFine):
      guard let index = tools.lastIndex(where: { $0.key == call.key && !$0.isFinished }) else {
        // Some agents tell of a call only when it is over.
        if tools.count < Self.mostTools {
          tools.append(Tool(name: call.name?.message(in: line), isFinished: true, isFine: isFine, key: call.key))
        }
        return
      }
      tools[index].isFinished = true
      tools[index].isFine = isFine
    case .retrying: flags.insert(.retried)
    case .attention: flags.insert(.attention)
    case .success, .failure:
      if !isOver, let word = FinalWord(meaning) { self.word = (word, events) }
    case .done: isDone = isDone || word != nil
    case .progress, .text, .piece, .figure, .session, .error: break
    }
  }

  // MARK: - Judging

  /// The verdict on a program that ended like this.
  public func verdict(on exit: ProcessExit) -> Verdict {
    verdictAtOnce ?? Judgement.onExit(exit, word: word?.word, isLastLineCut: isLastLineCut, terms: terms)
  }

  /// What a person is told of that verdict.
  public func explanation(of verdict: Verdict, on exit: ProcessExit) -> String? {
    verdict.explanation(exit: exit, said: testimony.error ?? testimony.complaint, limits: Limits())
  }

  /// The verdict that needs no exit; nil when it depends on that.
  private var verdictAtOnce: Verdict? {
    guard let word else { return nil }
    if isDone { return Judgement.onDone(word.word) }
    return terms.hearsOn ? nil : Judgement.onWord(word.word, terms: terms)
  }

  /// The verdict when nobody knows how the program ended, because its host died.
  private var verdictWithoutExit: Verdict {
    verdictAtOnce ?? word.map { Judgement.withoutExit($0.word, because: .lost(.hostDied), terms: terms) }
      ?? .lost(.hostDied)
  }

  /// Tells a run whose host died what its agent had said, and how it is judged by that.
  func tell(_ run: inout RunRecord) {
    let verdict = verdictWithoutExit
    run.status = verdict.status
    run.reason = verdict.reason
    run.output = testimony.outcome?.output
    run.text = testimony.text
    if testimony.isTextCut { run.flags.insert(.truncatedText) }
    run.error = verdict.explanation(exit: run.exit, said: testimony.error ?? testimony.complaint, limits: Limits())
    run.flags.formUnion(flags)
    // Its host may have known of more than it wrote to the file.
    run.events = max(run.events, events)
    run.eventsStored = events
    run.bytes = max(run.bytes, bytes)
    run.noise = max(run.noise, noise)
    run.session = testimony.session ?? run.session
    run.usage = testimony.usage.text ?? run.usage
    run.cost = testimony.usage.cost ?? run.cost
    run.cumulative = testimony.usage.cumulativeText ?? run.cumulative
  }

  var evidence: JSON {
    guard let word else { return .null }
    return ["event": .integer(word.event), "said": word.word == .success ? "success" : "failure"]
  }
}

extension Replay {
  /// What the agent of a run had said by the time its host died, from its transcript. `figures` are what it had counted of
  /// its session before.
  init(of run: RunRecord, figures: JSONText?, in state: StateFolder) {
    let folder = try? state.runs.openDirectory(run.id.description)
    func open(_ name: String) -> Descriptor? { try? folder?.openPlainFile(name, flags: O_RDONLY) }
    let dialect = state.dialect(of: run)
    self.init(dialect ?? .plain, Terms(described: run.terms), goingOnWith: run.sessionBefore)
    if let figures { testimony.usage.baseline = .figures(figures) }
    // By other rules it might seem to say something.
    guard dialect != nil else { return }
    // What cannot be read any more cannot speak for the run. In the order in which a host reads at the exit.
    if let transcript = open(RunFile.transcript) { try? read(transcript, lineLimit: RunJSON.lineLimit(of: run)) }
    if let errors = open(RunFile.errors) { try? readErrors(errors) }
  }
}

extension FinalWord {
  /// What a meaning says of how the work went, if anything.
  init?(_ meaning: Meaning) {
    switch meaning {
    case .success: self = .success
    case .failure: self = .failure
    default: return nil
    }
  }
}
