public import Model
internal import Wire

/// What an agent has said so far, as far as the record keeps it.
public struct Testimony: Sendable {
  /// How its work went, in its own words.
  public struct Outcome: Sendable {
    /// Whether it was done.
    public let isSuccess: Bool
    /// The result exactly as it was given.
    public let output: JSONText?
    /// The same as text, if it is a string: then it is the answer itself.
    public let text: String?
    /// Why it was not done.
    public let error: String?
  }

  /// More than this is for the transcript alone: a row of the ledger cannot hold just anything.
  static let longestOutput = 64 << 20

  /// What it used.
  public var usage: UsageTally
  /// The session that it was to go on with.
  private let sessionBefore: String?
  /// Its own session.
  public private(set) var session: String?
  /// Its last word on how it went.
  public private(set) var outcome: Outcome?
  /// What whoever looks on is to be shown of the text that was taken last.
  public private(set) var said: [UInt8] = []
  /// What it is at, for people: the tool that is at work, or that it tries again.
  public private(set) var activity: String?
  private var answer = Answer()
  /// What it said of trouble that it has not got over.
  private var trouble: String?
  private var hasSpokenInLine = false
  /// Whether its answer is made of lines, each of which ends with a newline, the last as well.
  private var hasLines = false

  /// Nothing was said yet, in this dialect, by an agent that was to go on with this session, if with any.
  public init(_ dialect: Dialect, goingOnWith session: String? = nil) {
    usage = UsageTally(cumulative: dialect.cumulative)
    sessionBefore = session
    // Until somebody knows better.
    if session != nil { usage.baseline = .unknown }
  }

  /// The last line of stderr that the dialect knows nothing of: what it complains of, for want of better words.
  public var complaint: String? { lastComplaint.isEmpty ? nil : String(decoding: lastComplaint, as: UTF8.self) }
  private var lastComplaint: [UInt8] = []

  /// Takes a line of stderr that means nothing.
  public mutating func complained(_ line: RawSpan) {
    guard (0..<line.byteCount).contains(where: { line.byte($0) > 0x20 }) else { return }
    lastComplaint.removeAll(keepingCapacity: true)
    line.append(0..<min(line.byteCount, Self.longestComplaint), to: &lastComplaint)
  }

  /// What is longer names nothing that could be given to a program again.
  private static let longestSession = 1024

  /// More of a line than a message has room for.
  private static let longestComplaint = 1024

  /// A new line begins.
  public mutating func lineBegan() { hasSpokenInLine = false }

  /// Takes what a line means. `isOver` is whether it comes too late to be a part of the answer or to say how it went.
  public mutating func take(_ meaning: Meaning, in line: RawSpan, isOver: Bool) {
    switch meaning {
    case .progress, .attention, .done: break
    case .retrying(let words): activity = words.map { "retrying: \($0.label(in: line))" } ?? "retrying"
    case .text(let message): if !isOver { take(message, line) }
    case .piece(let piece): if !isOver { append(piece, line) }
    case .toolStarted(let call): activity = call.name?.label(in: line) ?? activity
    case .toolFinished: activity = nil
    case .figure(let name, let amount): usage.add(name, amount)
    case .session(let name): begin(name, line)
    case .error(let words): trouble = words?.message(in: line) ?? trouble
    case .success(let output): if !isOver { outcome = Self.success(output, line) }
    case .failure(let words):
      if !isOver {
        outcome = Outcome(isSuccess: false, output: nil, text: nil, error: words?.message(in: line))
      }
    }
  }

  /// The answer: its result if that is text, else its last message.
  public var text: String? { outcome?.text ?? (hasLines ? answer.text.map(Self.withoutNewlinesAround) : answer.text) }

  /// Whether the answer is not all there.
  public var isTextCut: Bool { outcome?.text == nil && answer.isCut }

  /// What it said of trouble; nil when it named none.
  public var error: String? {
    guard let outcome else { return trouble }
    return outcome.isSuccess ? nil : outcome.error ?? trouble
  }

  private mutating func begin(_ name: Excerpt, _ line: RawSpan) {
    guard name.range.count <= Self.longestSession else { return }
    session = name.text(in: line)
    // It goes on elsewhere: what was counted of the one before says nothing of this.
    if let sessionBefore, session != sessionBefore { usage.baseline = .unknown }
  }

  private mutating func take(_ message: Excerpt, _ line: RawSpan) {
    decode(message, line)
    let isRepetition = answer.isUnfinished
    answer.take(said, isRest: hasSpokenInLine)
    hasSpokenInLine = true
    // A message stands on lines of its own; one that was shown in pieces only has to be ended.
    if isRepetition { said.removeAll(keepingCapacity: true) }
    if said.last != UInt8(ascii: "\n") { said.append(UInt8(ascii: "\n")) }
  }

  private mutating func append(_ piece: Excerpt, _ line: RawSpan) {
    decode(piece, line)
    // A line of text is one in the answer as well.
    if !piece.isJSON {
      said.append(UInt8(ascii: "\n"))
      hasLines = true
    }
    answer.append(said)
  }

  private mutating func decode(_ excerpt: Excerpt, _ line: RawSpan) {
    said.removeAll(keepingCapacity: true)
    excerpt.append(from: line, to: &said)
  }

  private static func success(_ output: Excerpt?, _ line: RawSpan) -> Outcome {
    guard let output else { return Outcome(isSuccess: true, output: nil, text: nil, error: nil) }
    guard output.range.count <= longestOutput else {
      let text = "[… a result of \(output.range.count) bytes; the transcript has it …]"
      return Outcome(isSuccess: true, output: nil, text: text, error: nil)
    }
    let text = output.isText(in: line) ? output.text(in: line) : nil
    let json =
      output.isJSON ? JSONString.raw(line, output.range) : JSON.string(text ?? "").text
    return Outcome(isSuccess: true, output: JSONText(valid: json), text: text, error: nil)
  }

  private static func withoutNewlinesAround(_ text: String) -> String {
    var text = text[...]
    while text.first == "\n" { text.removeFirst() }
    while text.last == "\n" { text.removeLast() }
    return String(text)
  }
}
