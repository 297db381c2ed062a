/// What a manifest's command can be filled with.
public enum Placeholder: String, CaseIterable, Hashable, Sendable {
  /// What the agent is asked, where that fits one argument.
  case prompt
  /// The file that holds it, where it does not, or where a command wants nothing else.
  case promptFile = "prompt_file"
  /// The directory it works in.
  case cwd
  /// The agent's own session that is to go on.
  case session
  /// The model it is to use.
  case model
  /// The name of the run.
  case run
}

/// One argument of a command: text with placeholders. It always makes one argument, whatever it is filled with:
/// nothing goes through a shell.
struct Template: Hashable, Sendable {
  private enum Part: Hashable, Sendable {
    case text(String)
    case value(Placeholder)
  }

  private let parts: [Part]

  /// The placeholders it has.
  var placeholders: [Placeholder] {
    parts.compactMap { if case .value(let placeholder) = $0 { placeholder } else { nil } }
  }

  /// Reads a text in which `{word}` stands for a placeholder; other braces stand for themselves.
  init(_ text: String) throws(UnknownPlaceholder) {
    var parts: [Part] = []
    var literal = ""
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      literal += rest[..<open]
      let inside = rest[rest.index(after: open)...]
      let word = inside.prefix { $0 == "_" || ("a"..."z").contains($0) }
      guard !word.isEmpty, inside[word.endIndex...].first == "}" else {
        literal += "{"
        rest = inside
        continue
      }
      guard let placeholder = Placeholder(rawValue: String(word)) else { throw UnknownPlaceholder(word: String(word)) }
      if !literal.isEmpty { parts.append(.text(literal)) }
      literal = ""
      parts.append(.value(placeholder))
      rest = inside[inside.index(after: word.endIndex)...]
    }
    literal += rest
    if !literal.isEmpty || parts.isEmpty { parts.append(.text(literal)) }
    self.parts = parts
  }

  /// A text in which nothing stands for anything else.
  init(literal text: String) { parts = [.text(text)] }

  /// Fills it in; throws the first placeholder that has no value.
  func filled(with values: [Placeholder: String]) throws(MissingValue) -> String {
    var text = ""
    for part in parts {
      switch part {
      case .text(let literal): text += literal
      case .value(let placeholder):
        guard let value = values[placeholder] else { throw MissingValue(placeholder: placeholder) }
        text += value
      }
    }
    return text
  }

  struct UnknownPlaceholder: Error { let word: String }
  struct MissingValue: Error { let placeholder: Placeholder }
}

/// A command of a manifest: arguments, some of them only there when a value is.
struct CommandTemplate: Hashable, Sendable {
  enum Item: Hashable, Sendable {
    case argument(Template)
    case optional(Placeholder, [Template])
  }

  let items: [Item]
  /// The placeholders it has, conditions included.
  let placeholders: Set<Placeholder>

  init(items: [Item]) {
    self.items = items
    var found: Set<Placeholder> = []
    for item in items {
      switch item {
      case .argument(let template): found.formUnion(template.placeholders)
      case .optional(let condition, let templates):
        found.insert(condition)
        for template in templates { found.formUnion(template.placeholders) }
      }
    }
    placeholders = found
  }

  /// Whether it would take the prompt and its file at once: only one of them ever has a value.
  var takesPromptTwice: Bool {
    let both: Set<Placeholder> = [.prompt, .promptFile]
    guard placeholders.isSuperset(of: both) else { return false }
    return items.contains { item in
      switch item {
      case .argument(let template): !both.isDisjoint(with: template.placeholders)
      case .optional(let condition, let templates):
        templates.contains { !both.subtracting([condition]).isDisjoint(with: $0.placeholders) }
      }
    }
  }

  /// The program, where it is the same for every run.
  var program: String? {
    guard case .argument(let template)? = items.first else { return nil }
    return try? template.filled(with: [:])
  }

  func filled(with values: [Placeholder: String]) throws(Template.MissingValue) -> [String] {
    var arguments: [String] = []
    for item in items {
      switch item {
      case .argument(let template): arguments.append(try template.filled(with: values))
      case .optional(let condition, let templates):
        guard values[condition] != nil else { continue }
        for template in templates { arguments.append(try template.filled(with: values)) }
      }
    }
    return arguments
  }
}
