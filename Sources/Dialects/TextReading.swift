internal import Wire

/// Reads a rule about lines of text.
struct TextReading: RuleReading {
  private let pattern: TextPattern

  init(pattern value: JSON, key: String) throws(DialectError) {
    guard case .string(let text) = value, !text.isEmpty else {
      throw DialectError(key, "must be text, with * for anything and {name} for a part that is wanted")
    }
    guard let pattern = TextPattern(text) else {
      throw DialectError(
        key, "“\(text)” has two gaps side by side, or one name twice: nothing would say where one ends")
    }
    self.pattern = pattern
  }

  /// A rule without meanings says that such lines are expected and mean nothing.
  mutating func rule(_ meanings: [(key: String, value: JSON)], _ key: String) throws(DialectError) -> TextRule {
    TextRule(pattern: pattern, effects: try effects(meanings, key))
  }

  /// What `true` stands for: the line itself.
  var wholeField: Field { [.line] }

  func place(_ text: String, _ key: String) throws(DialectError) -> Place {
    guard text.hasPrefix("{"), text.hasSuffix("}"),
      let part = pattern.names.firstIndex(of: String(text.dropFirst().dropLast()))
    else { throw DialectError(key, "“\(text)” is no part of the pattern: write it as {name} in both") }
    return .part(part)
  }

  func outcomeConditions(_ value: JSON, _ key: String) throws(DialectError) -> [Condition] {
    throw DialectError(key, "must be true or false in a rule about text")
  }
}
