internal import Wire

/// What one line of an agent means to Reeve. The ranges lie in that line.
public enum Meaning: Equatable, Sendable {
  /// It shows that the agent lives, and no more.
  case life
  /// It shows that the agent gets on.
  case content
  /// A piece of the answer: the range of its string.
  case text(Range<Int>)
  /// A tool call begins.
  case toolStarted(UInt64)
  /// A tool call ended.
  case toolFinished(UInt64)
  /// What was used: the whole line says it.
  case usage
  /// The agent names its session: the range of its string.
  case session(Range<Int>)
  /// The work is done: the range of its result, if it has one.
  case success(output: Range<Int>?)
  /// The work could not be done: the range of a string that says why, if there is one.
  case failure(error: Range<Int>?)
}

/// Reads the lines of agents that speak Reeve's own language.
public struct NativeDialect: Sendable {
  private enum Wanted: Int, CaseIterable {
    case type, text, id, name, state, status, output, error
  }

  private var scanner = LineScanner(wanted: WantedMembers(Wanted.allCases.map { "\($0)" }))

  /// A reader that has read nothing yet.
  public init() {}

  /// Scans a line; nil when it is noise.
  public mutating func read(_ line: RawSpan) -> Meaning? {
    switch scanner.scan(line) {
    case .noise: nil
    case .value: .life
    case .object: interpret(line)
    }
  }

  private func interpret(_ line: RawSpan) -> Meaning {
    guard let type = string(.type, line) else { return .life }
    if JSONString.equals(line, range: type, "text") {
      // An empty piece is no progress: agents have been seen to send nothing else for hours.
      guard let text = string(.text, line), text.count > 2 else { return .life }
      return .text(text)
    }
    if JSONString.equals(line, range: type, "tool") { return tool(line) }
    if JSONString.equals(line, range: type, "usage") { return .usage }
    if JSONString.equals(line, range: type, "result") { return result(line) }
    if JSONString.equals(line, range: type, "session") { return string(.id, line).map { .session($0) } ?? .life }
    if JSONString.equals(line, range: type, "progress") || JSONString.equals(line, range: type, "artifact") {
      return .content
    }
    return .life
  }

  private func tool(_ line: RawSpan) -> Meaning {
    guard let state = string(.state, line) else { return .content }
    // Calls are told apart by what names them; a hash of it is enough for that.
    var name = Hasher()
    if let range = string(.id, line) ?? string(.name, line) {
      line.extracting(range).withUnsafeBytes { name.combine(bytes: $0) }
    }
    let identifier = UInt64(bitPattern: Int64(name.finalize()))
    if JSONString.equals(line, range: state, "started") { return .toolStarted(identifier) }
    if JSONString.equals(line, range: state, "finished") { return .toolFinished(identifier) }
    return .content
  }

  private func result(_ line: RawSpan) -> Meaning {
    guard let status = string(.status, line) else { return .life }
    if JSONString.equals(line, range: status, "ok") { return .success(output: value(.output)) }
    if JSONString.equals(line, range: status, "error") { return .failure(error: string(.error, line)) }
    return .life
  }

  private func value(_ wanted: Wanted) -> Range<Int>? { scanner.value(wanted.rawValue) }

  /// The value, if it is a string.
  private func string(_ wanted: Wanted, _ line: RawSpan) -> Range<Int>? {
    guard let range = value(wanted) else { return nil }
    return line.unsafeLoad(fromByteOffset: range.lowerBound, as: UInt8.self) == UInt8(ascii: "\"") ? range : nil
  }
}
