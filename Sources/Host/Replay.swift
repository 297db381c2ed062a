internal import Glibc
internal import Kernel
internal import Model
internal import Plugins
internal import Supervision
internal import Wire

/// What the agent of a run had said by the time its host died, read from its transcript.
struct Replay {
  private var dialect = NativeDialect()
  private var answer = Answer()
  private var usage = UsageTally()
  private var session: String?
  private var events: Int64 = 0
  private var noise: Int64 = 0
  private var bytes: Int64 = 0
  private var word: (word: FinalWord, event: Int64)?
  private var output: JSONText?
  private var text: String?
  private var error: String?
  private let terms: Terms

  init(of run: RunRecord, in state: StateFolder) {
    terms = Terms(described: run.terms)
    guard let folder = try? state.runs.openDirectory(run.id.description),
      let file = try? folder.openPlainFile(RunFile.transcript, flags: O_RDONLY)
    else { return }
    var splitter = LineSplitter(limit: RunJSON.lineLimit(of: run))
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 4096)
    defer { piece.deallocate() }
    while let count = try? file.read(into: piece, at: bytes), count > 0 {
      bytes += Int64(count)
      splitter.feed(
        UnsafeRawBufferPointer(rebasing: piece.prefix(count)).bytes, line: { read($0) }, skipped: { _ in events += 1 })
    }
    // A last line that only lacks its newline is one as well.
    splitter.finish(line: { read($0) }, skipped: { _ in events += 1 })
  }

  private mutating func read(_ line: RawSpan) {
    events += 1
    switch dialect.read(line) {
    case nil: noise += 1
    case .life, .content, .toolStarted, .toolFinished: break
    case .text(let range): if word == nil || terms.countsLastWord { answer.append(JSONString.bytes(line, range)) }
    case .usage: usage.add(line)
    case .session(let range): session = JSONString.text(line, range)
    case .success(let range): take(.success, line, output: range, error: nil)
    case .failure(let range): take(.failure, line, output: nil, error: range)
    }
  }

  private mutating func take(_ word: FinalWord, _ line: RawSpan, output range: Range<Int>?, error why: Range<Int>?) {
    guard self.word == nil || terms.countsLastWord else { return }
    self.word = (word, events)
    let result = AgentResult(line, range)
    (output, text) = (result.output, result.text)
    error = why.map { AgentResult.reason(line, $0) }
  }

  /// The verdict, and what else is known now.
  func tell(_ run: inout RunRecord) {
    let verdict =
      word.map { Judgement.withoutExit($0.word, because: .lost(.hostDied), terms: terms) } ?? .lost(.hostDied)
    run.status = verdict.status
    run.reason = verdict.reason
    run.output = output
    run.text = text ?? answer.text
    run.error =
      switch verdict {
      case .succeeded: nil
      case .lost: "its host died before it was done"
      default: error ?? "the agent reported an error without saying which"
      }
    // Its host may have known of more than it wrote to the file.
    run.events = max(run.events, events)
    run.eventsStored = events
    run.bytes = max(run.bytes, bytes)
    run.noise = max(run.noise, noise)
    run.session = session ?? run.session
    if let counts = usage.text { run.usage = counts }
    run.cost = usage.cost ?? run.cost
  }

  var evidence: JSON {
    guard let word else { return .null }
    return ["event": .integer(word.event), "said": word.word == .success ? "success" : "failure"]
  }
}

extension Terms {
  /// What a manifest says a run is judged by, for the record.
  static func description(of manifest: Manifest) -> JSONText {
    let json: JSON = [
      "result": .string(manifest.result.rawValue), "final": .string(manifest.final.rawValue),
      "success_needs_exit": .bool(manifest.successNeedsExit),
    ]
    return JSONText(valid: json.text)
  }

  /// The same, from the record; the defaults where there is none.
  init(described text: JSONText?) {
    self.init()
    guard let text, case .object(let terms)? = try? JSON.parse(text.text) else { return }
    isJudgedByExit = terms["result"] == .string(Manifest.Result.exit.rawValue)
    countsLastWord = terms["final"] == .string(Manifest.Final.last.rawValue)
    successNeedsExit = terms["success_needs_exit"] == .bool(true)
  }
}
