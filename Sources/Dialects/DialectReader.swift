internal import Wire

/// Reads a dialect as it stands in a manifest; what it does not know is an error that names it.
struct DialectReader {
  /// More rules than any agent has needed; sets of them are the bits of one word.
  static let mostRules = 64

  /// What depends on the order in which it is said.
  private static let ordered: Set<String> = ["text", "text_delta", "success", "failure", "done"]

  private var names: [String] = []
  private var objectRules: [ObjectRule] = []
  private var lineRules: [TextRule] = []
  private var errorRules: [TextRule] = []
  private var cumulative: Set<String> = []
  private var isPlain = false
  private var wrap: Int?

  static func read(_ json: JSON, named name: String?) throws(DialectError) -> Dialect {
    var reader = DialectReader()
    switch json {
    case .array: try reader.rules(json, "rules")
    case .object(let object): for member in object.members { try reader.take(member.key, member.value) }
    default: throw DialectError("", "a dialect is a name, a list of rules, or an object that holds them")
    }
    guard !reader.objectRules.isEmpty || !reader.lineRules.isEmpty || !reader.errorRules.isEmpty else {
      throw DialectError("rules", "a dialect without rules understands nothing")
    }
    if reader.isPlain && !reader.objectRules.isEmpty {
      throw DialectError("plain", "a dialect whose lines are never JSON has rules with “line” and “stderr” only")
    }
    return Dialect(
      wanted: WantedMembers(reader.names), objectRules: reader.objectRules, lineRules: reader.lineRules,
      errorRules: reader.errorRules, cumulative: reader.cumulative, isPlain: reader.isPlain, wrap: reader.wrap,
      source: name.map { .string($0) } ?? json)
  }

  private mutating func take(_ key: String, _ value: JSON) throws(DialectError) {
    switch key {
    case "rules": try rules(value, key)
    case "cumulative": cumulative = Set(try strings(value, key))
    case "plain": isPlain = try bool(value, key)
    case "wrap":
      guard case .integer(let column) = value, (20...1000).contains(column) else {
        throw DialectError(key, "must be the number of columns, from 20 to 1000")
      }
      wrap = Int(column)
    default: throw DialectError(key, "unknown key; there are rules, cumulative, plain and wrap")
    }
  }

  private mutating func rules(_ value: JSON, _ key: String) throws(DialectError) {
    guard case .array(let rules) = value else { throw DialectError(key, "must be a list") }
    guard rules.count <= Self.mostRules else {
      throw DialectError(key, "has \(rules.count) rules, and \(Self.mostRules) is the most")
    }
    for (index, rule) in rules.enumerated() { try self.rule(rule, "\(key)[\(index)]") }
  }

  private mutating func rule(_ value: JSON, _ key: String) throws(DialectError) {
    guard case .object(let rule) = value else { throw DialectError(key, "a rule is an object") }
    let triggers = rule.members.filter { ["when", "line", "stderr"].contains($0.key) }
    guard triggers.count == 1, let trigger = triggers.first else {
      throw DialectError(key, "a rule has “when”, for JSON, or “line” or “stderr”, for text: exactly one of them")
    }
    let meanings = rule.members.filter { $0.key != trigger.key }
    if trigger.key == "stderr", let ordered = meanings.first(where: { Self.ordered.contains($0.key) }) {
      throw DialectError(
        "\(key).\(ordered.key)",
        "can be said by stdout alone: of words on two streams nobody can tell which came last; use “error” for what goes wrong"
      )
    }
    if trigger.key == "when" {
      var reading = ObjectReading(conditions: trigger.value, key: key, names: names)
      let rule = try reading.rule(meanings)
      names = reading.names
      objectRules.append(rule)
    } else {
      var reading = try TextReading(pattern: trigger.value, key: "\(key).\(trigger.key)")
      let rule = try reading.rule(meanings, key)
      if trigger.key == "line" { lineRules.append(rule) } else { errorRules.append(rule) }
    }
  }

  private func strings(_ value: JSON, _ key: String) throws(DialectError) -> [String] {
    guard case .array(let elements) = value else { throw DialectError(key, "must be a list of strings") }
    var strings: [String] = []
    for element in elements {
      guard case .string(let string) = element else { throw DialectError(key, "must be a list of strings") }
      strings.append(string)
    }
    return strings
  }

  private func bool(_ value: JSON, _ key: String) throws(DialectError) -> Bool {
    guard case .bool(let bool) = value else { throw DialectError(key, "must be true or false") }
    return bool
  }
}

/// What a rule's meanings are read by: rules about JSON and rules about text find their values in different places.
protocol RuleReading {
  /// The places that a text names.
  mutating func place(_ text: String, _ key: String) throws(DialectError) -> Place
  /// What `true` stands for, where no place is named.
  var wholeField: Field { get }
  /// Conditions by which a tool call is judged.
  mutating func outcomeConditions(_ value: JSON, _ key: String) throws(DialectError) -> [Condition]
}

extension RuleReading {
  mutating func effects(
    _ members: [(key: String, value: JSON)], _ key: String
  ) throws(DialectError) -> [Effect] {
    var effects: [(rank: Int, effect: Effect)] = []
    for member in members {
      let path = "\(key).\(member.key)"
      guard let meaning = Meanings(rawValue: member.key) else {
        let known = Meanings.allCases.map(\.rawValue).joined(separator: ", ")
        throw DialectError(path, "unknown key; a line can mean \(known)")
      }
      for effect in try self.effects(meaning, member.value, path) { effects.append((meaning.rank, effect)) }
    }
    // In one order, whatever the order they are written in: who and what first, the final word last.
    return effects.sorted { $0.rank < $1.rank }.map(\.effect)
  }

  private mutating func effects(
    _ meaning: Meanings, _ value: JSON, _ key: String
  ) throws(DialectError) -> [Effect] {
    switch meaning {
    case .session: return [.session(try field(value, key))]
    case .error: return [.error(try fieldOrTrue(value, key))]
    case .retrying: return [.retrying(try fieldOrTrue(value, key))]
    case .attention: return [.attention(try fieldOrTrue(value, key))]
    case .toolStarted:
      let call = try call(value, key)
      return [.toolStarted(id: call.id, name: call.name)]
    case .toolFinished:
      let call = try call(value, key)
      return [.toolFinished(id: call.id, name: call.name, outcome: call.outcome)]
    case .text: return [.text(try field(value, key))]
    case .piece: return [.piece(try field(value, key))]
    case .usage:
      guard case .object(let figures) = value else { return [.figures(try field(value, key))] }
      var effects: [Effect] = []
      for figure in figures.members {
        effects.append(.figure(figure.key, try field(figure.value, "\(key).\(figure.key)")))
      }
      return effects
    case .cost: return [.figure(UsageTally.cost, try field(value, key))]
    case .progress: return [.progress(try value == .bool(true) ? [] : field(value, key))]
    case .success: return [.success(try value == .bool(true) ? [] : field(value, key))]
    case .failure: return [.failure(try fieldOrTrue(value, key))]
    case .done:
      guard value == .bool(true) else { throw DialectError(key, "must be true") }
      return [.done]
    }
  }

  private mutating func call(
    _ value: JSON, _ key: String
  ) throws(DialectError) -> (id: Field, name: Field, outcome: Effect.Outcome) {
    guard case .object(let call) = value else {
      throw DialectError(key, "must be an object with “id”, “name”, or both")
    }
    var (id, name, outcome): (Field, Field, Effect.Outcome) = ([], [], .unknown)
    for member in call.members {
      let path = "\(key).\(member.key)"
      switch member.key {
      case "id": id = try field(member.value, path)
      case "name": name = try field(member.value, path)
      case "ok":
        switch member.value {
        case .bool(let isFine): outcome = .always(isFine)
        case .object: outcome = .conditions(try outcomeConditions(member.value, path))
        default: outcome = .boolean(try field(member.value, path))
        }
      default: throw DialectError(path, "unknown key; there are id, name and ok")
      }
    }
    guard !id.isEmpty || !name.isEmpty else { throw DialectError(key, "needs an “id” or a “name”") }
    return (id, name, outcome)
  }

  private mutating func fieldOrTrue(_ value: JSON, _ key: String) throws(DialectError) -> Field {
    if value == .bool(true) { return wholeField }
    return try field(value, key)
  }

  private mutating func field(_ value: JSON, _ key: String) throws(DialectError) -> Field {
    switch value {
    // A line of text can be meant as it is.
    case .bool(true) where !wholeField.isEmpty: return wholeField
    case .string(let text): return [try place(text, key)]
    case .array(let elements) where !elements.isEmpty:
      var field: Field = []
      for (index, element) in elements.enumerated() {
        guard case .string(let text) = element else { throw DialectError("\(key)[\(index)]", "must be a string") }
        field.append(try place(text, "\(key)[\(index)]"))
      }
      return field
    default: throw DialectError(key, "must say where the value is, or list the places where it may be")
    }
  }
}

/// What a rule can say, by the key it is said with.
private enum Meanings: String, CaseIterable {
  case session
  case error
  case retrying
  case attention
  case toolStarted = "tool_started"
  case toolFinished = "tool_finished"
  case text
  case piece = "text_delta"
  case usage
  case cost
  case progress
  case success
  case failure
  case done

  var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
