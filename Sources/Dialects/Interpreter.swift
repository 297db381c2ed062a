internal import Glibc
internal import Wire

/// Tells what the lines of one agent mean.
public struct Interpreter: Sendable {
  /// A longer line of stderr is no message, and a longer text is none that a condition is about.
  public static let longestText = 64 * 1024

  /// The rules it goes by.
  public let dialect: Dialect
  private var scanner: LineScanner
  private var parts: [Range<Int>] = []
  /// Lines of text without what is for terminals only.
  private var printable: [UInt8] = []
  /// The beginning of a text that the agent has broken into lines.
  private var broken: [UInt8] = []

  /// One that has read nothing yet.
  public init(_ dialect: Dialect) {
    self.dialect = dialect
    scanner = LineScanner(wanted: dialect.wanted)
  }

  /// Reads a line of stdout: `body` gets each thing that it means, a final word last, with the text that the places lie in.
  public mutating func read(_ line: RawSpan, _ body: (Meaning, RawSpan) -> Void) -> LineKind {
    if dialect.isPlain {
      _ = readText(line, dialect.lineRules, wrap: dialect.wrap, body)
      return .text
    }
    switch scanner.scan(line) {
    case .object:
      finishText(body)
      readObject(line, body)
      return .json
    case .value:
      finishText(body)
      return .json
    case .noise:
      guard !dialect.lineRules.isEmpty else { return .noise }
      return readText(line, dialect.lineRules, wrap: dialect.wrap, body) ? .text : .noise
    }
  }

  /// A text that the agent breaks into lines has no more of them.
  public mutating func finishText(_ body: (Meaning, RawSpan) -> Void) {
    guard !broken.isEmpty else { return }
    var text: [UInt8] = []
    swap(&text, &broken)
    _ = readText(text.span.bytes, dialect.lineRules, wrap: nil, body)
  }

  /// Reads a line of stderr; whether it is of a kind that the dialect expects.
  public mutating func readError(_ line: RawSpan, _ body: (Meaning, RawSpan) -> Void) -> Bool {
    readText(line, dialect.errorRules, wrap: nil, body)
  }

  // MARK: - Objects

  private func readObject(_ line: RawSpan, _ body: (Meaning, RawSpan) -> Void) {
    var candidates = dialect.dispatch.candidates(line, scanner)
    guard candidates != 0 else { return }
    let present = scanner.present
    // Rules are looked at where they lie: to hold on to each would cost as much as to read the line.
    let rules = dialect.objectRules.span
    // What is known of usage and text must be told before the verdict that it belongs to.
    var word: Meaning?
    var isDone = false
    while candidates != 0 {
      let index = candidates.trailingZeroBitCount
      candidates &= candidates &- 1
      guard rules[index].required & ~present == 0 else { continue }
      apply(rules[index], line) { meaning in
        switch meaning {
        case .success, .failure: word = word ?? meaning
        case .done: isDone = true
        default: body(meaning, line)
        }
      }
    }
    if let word { body(word, line) }
    if isDone { body(.done, line) }
  }

  private func apply(_ rule: ObjectRule, _ line: RawSpan, _ body: (Meaning) -> Void) {
    guard fits(rule.conditions.span, line, nil) else { return }
    guard let elements = rule.elements else { return tell(rule.effects.span, line, nil, body) }
    guard let array = find(elements, line, nil) else { return }
    var hasFit = false
    JSONElements.forEach(line, range: array.range) { element in
      guard fits(rule.elementConditions.span, line, element) else { return }
      // As if the rule had been about this element alone; what is about the line is said with the first.
      if !hasFit { tell(rule.effects.span, line, nil, body) }
      hasFit = true
      tell(rule.elementEffects.span, line, element, body)
    }
  }

  private func fits(_ conditions: Span<Condition>, _ line: RawSpan, _ element: Range<Int>?) -> Bool {
    for index in conditions.indices where !fits(conditions[index], line, element) { return false }
    return true
  }

  private func fits(_ condition: Condition, _ line: RawSpan, _ element: Range<Int>?) -> Bool {
    let excerpt = find(condition.place, line, element)
    switch condition.test {
    case .isPresent(let wanted): return (excerpt != nil) == wanted
    case .isOneOf(let literals): return literals.contains { $0.equals(line, excerpt?.range) }
    case .isNoneOf(let literals): return !literals.contains { $0.equals(line, excerpt?.range) }
    case .looksLike(let pattern):
      guard let excerpt, excerpt.isText(in: line), excerpt.range.count <= Self.longestText else { return false }
      var text: [UInt8] = []
      excerpt.append(from: line, to: &text)
      var parts: [Range<Int>] = []
      return pattern.matches(text.span.bytes, 0..<text.count, parts: &parts)
    }
  }

  // MARK: - Text

  private mutating func readText(
    _ line: RawSpan, _ rules: [TextRule], wrap: Int?, _ body: (Meaning, RawSpan) -> Void
  ) -> Bool {
    // Kept aside, so that what is looked at is not what is changed.
    var text: [UInt8] = []
    swap(&text, &printable)
    defer { swap(&text, &printable) }
    text.removeAll(keepingCapacity: true)
    line.appendPrintable(to: &text)
    if let wrap {
      broken.append(contentsOf: text)
      if Self.columns(text) >= wrap, broken.count <= Self.longestText { return false }
      swap(&text, &broken)
      broken.removeAll(keepingCapacity: true)
    }
    let range = dialect.isPlain ? 0..<text.count : text.span.bytes.trimmed()
    for rule in rules where rule.pattern.matches(text.span.bytes, range, parts: &parts) {
      tellText(rule, text.span.bytes, range, body)
      return true
    }
    return false
  }

  /// How wide a text is, as far as each character is one column wide.
  private static func columns(_ text: [UInt8]) -> Int { text.count { $0 & 0xC0 != 0x80 } }

  private func tellText(
    _ rule: TextRule, _ text: RawSpan, _ range: Range<Int>, _ body: (Meaning, RawSpan) -> Void
  ) {
    tell(rule.effects.span, text, range) { body($0, text) }
  }

  // MARK: - Effects

  /// Here is the element of an array or the line of text that the rule looks at.
  private func tell(
    _ effects: Span<Effect>, _ line: RawSpan, _ here: Range<Int>?, _ body: (Meaning) -> Void
  ) {
    for index in effects.indices {
      switch effects[index] {
      case .session(let field):
        if let name = text(field, line, here) { body(.session(name)) }
      case .error(let field): body(.error(find(field, line, here)))
      case .retrying(let field): body(.retrying(find(field, line, here)))
      case .attention(let field): body(.attention(find(field, line, here)))
      case .toolStarted(let id, let name): body(.toolStarted(call(id, name, line, here)))
      case .toolFinished(let id, let name, let outcome):
        body(.toolFinished(call(id, name, line, here), isFine: judge(outcome, line, here)))
      case .text(let field):
        if let said = text(field, line, here) { body(.text(said)) }
      case .piece(let field):
        if let said = find(field, line, here), said.isText(in: line), !said.isJSON || !said.isEmpty(in: line) {
          body(.piece(said))
        }
      case .figure(let name, let field):
        if let amount = find(field, line, here)?.amount(in: line) { body(.figure(name, amount)) }
      case .figures(let field): tellFigures(field, line, here, body)
      case .progress(let field):
        if field.isEmpty || find(field, line, here).map({ !$0.isEmpty(in: line) }) ?? false { body(.progress) }
      case .done: body(.done)
      case .success(let field): body(.success(find(field, line, here)))
      case .failure(let field): body(.failure(find(field, line, here)))
      }
    }
  }

  /// A longer object is no list of figures.
  private static let longestFigures = 64 * 1024

  private func tellFigures(_ field: Field, _ line: RawSpan, _ here: Range<Int>?, _ body: (Meaning) -> Void) {
    guard let object = find(field, line, here), object.range.count <= Self.longestFigures else { return }
    JSONElements.forEachMember(line, range: object.range) { key, value in
      guard let amount = Excerpt(range: value, isJSON: true).amount(in: line), !JSONString.isString(line, value) else {
        return
      }
      body(.figure(JSONString.text(line, key), amount))
    }
  }

  private func call(_ id: Field, _ name: Field, _ line: RawSpan, _ here: Range<Int>?) -> ToolCall {
    var key = Hasher()
    if let id = find(id, line, here) ?? find(name, line, here) {
      line.extracting(id.range).withUnsafeBytes { key.combine(bytes: $0) }
    }
    return ToolCall(key: UInt64(bitPattern: Int64(key.finalize())), name: text(name, line, here))
  }

  private func judge(_ outcome: Effect.Outcome, _ line: RawSpan, _ here: Range<Int>?) -> Bool? {
    switch outcome {
    case .unknown: nil
    case .always(let isFine): isFine
    case .boolean(let field): find(field, line, here).flatMap { JSONScalar.bool(line, range: $0.range) }
    case .conditions(let conditions): fits(conditions.span, line, here)
    }
  }

  // MARK: - Places

  /// What is found, if it is text with something in it.
  private func text(_ field: Field, _ line: RawSpan, _ here: Range<Int>?) -> Excerpt? {
    guard let found = find(field, line, here), found.isText(in: line), !found.isEmpty(in: line) else { return nil }
    return found
  }

  private func find(_ field: Field, _ line: RawSpan, _ here: Range<Int>?) -> Excerpt? {
    let places = field.span
    for index in places.indices {
      if let found = find(places[index], line, here) { return found }
    }
    return nil
  }

  private func find(_ place: Place, _ line: RawSpan, _ here: Range<Int>?) -> Excerpt? {
    switch place {
    case .member(let member, let steps):
      guard let start = scanner.value(member) else { return nil }
      return JSONPointer.follow(steps, in: line, from: start).map { Excerpt(range: $0, isJSON: true) }
    case .element(let steps):
      return here.flatMap { JSONPointer.follow(steps, in: line, from: $0) }.map { Excerpt(range: $0, isJSON: true) }
    case .whole:
      let start = (0..<line.byteCount).first { line.byte($0) > 0x20 } ?? 0
      return Excerpt(range: start..<line.byteCount, isJSON: true)
    case .part(let index): return Excerpt(range: parts[index], isJSON: false)
    case .line: return here.map { Excerpt(range: $0, isJSON: false) }
    }
  }
}

extension Literal {
  /// Whether the value at a range is this one; what is not there is `null`.
  func equals(_ line: RawSpan, _ range: Range<Int>?) -> Bool {
    guard let range else { return self == .null }
    return switch self {
    case .string(let expected): JSONString.equals(line, range: range, expected)
    case .number(let expected): JSONScalar.double(line, range: range) == expected
    case .bool(let expected): JSONScalar.bool(line, range: range) == expected
    case .null: line.byte(range.lowerBound) == UInt8(ascii: "n")
    }
  }
}

extension RawSpan {
  private static let escape: UInt8 = 0x1B

  /// Appends it without the sequences that only a terminal understands.
  fileprivate func appendPrintable(to text: inout [UInt8]) {
    var at = 0
    while at < byteCount {
      let next = firstEscape(from: at) ?? byteCount
      append(at..<next, to: &text)
      at = next < byteCount ? endOfEscape(next) : next
    }
  }

  private func firstEscape(from start: Int) -> Int? {
    withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return nil }
      return memchr(base + start, Int32(Self.escape), bytes.count - start).map { UnsafeRawPointer($0) - base }
    }
  }

  /// Past a colour (`ESC [ … m` and its kin), a title (`ESC ] … BEL`), or one byte of anything else.
  private func endOfEscape(_ start: Int) -> Int {
    guard start + 1 < byteCount else { return byteCount }
    switch byte(start + 1) {
    case UInt8(ascii: "["):
      return ((start + 2)..<byteCount).first { (0x40...0x7E).contains(byte($0)) }.map { $0 + 1 } ?? byteCount
    case UInt8(ascii: "]"): return ((start + 2)..<byteCount).first { byte($0) == 0x07 }.map { $0 + 1 } ?? byteCount
    default: return start + 2
    }
  }

  /// Its range without the spaces around.
  fileprivate func trimmed() -> Range<Int> {
    var start = 0
    var end = byteCount
    while start < end, byte(start) <= 0x20 { start += 1 }
    while end > start, byte(end - 1) <= 0x20 { end -= 1 }
    return start..<end
  }
}
