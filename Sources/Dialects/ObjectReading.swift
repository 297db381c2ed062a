internal import Wire

/// Reads a rule about JSON objects.
struct ObjectReading: RuleReading {
  private let conditions: JSON
  private let key: String
  /// The members that the rules of this dialect speak of.
  private(set) var names: [String]
  /// The array whose elements this rule looks at, once one of its pointers has named it.
  private var elements: (steps: [[UInt8]], place: Place)?

  init(conditions: JSON, key: String, names: [String]) {
    self.conditions = conditions
    self.key = key
    self.names = names
  }

  /// What `true` stands for: that something is so, without words for it.
  var wholeField: Field { [] }

  mutating func rule(_ meanings: [(key: String, value: JSON)]) throws(DialectError) -> ObjectRule {
    guard !meanings.isEmpty else { throw DialectError(key, "says nothing: leave it out") }
    var rule = ObjectRule()
    for condition in try conditions(conditions, "\(key).when") {
      if case .element = condition.place {
        rule.elementConditions.append(condition)
      } else {
        rule.conditions.append(condition)
        if let member = condition.neededMember { rule.required |= 1 << UInt64(member) }
      }
    }
    let effects = try effects(meanings, key)
    rule.effects = effects.filter { !$0.isAboutElement }
    rule.elementEffects = effects.filter(\.isAboutElement)
    rule.elements = elements.map { [$0.place] }
    if case .member(let member, _)? = elements?.place { rule.required |= 1 << UInt64(member) }
    return rule
  }

  mutating func place(_ text: String, _ key: String) throws(DialectError) -> Place {
    guard let pointer = JSONPointer(text) else {
      throw DialectError(key, "“\(text)” is no JSON Pointer, like /message/content/*/text with one * at most")
    }
    guard let elementSteps = pointer.elementSteps else { return try member(pointer.steps, text, key) }
    if let elements, elements.steps != pointer.steps {
      throw DialectError(key, "“\(text)” looks at the elements of another array than the rest of its rule")
    }
    elements = (pointer.steps, try member(pointer.steps, text, key))
    return .element(elementSteps)
  }

  private mutating func member(_ steps: [[UInt8]], _ text: String, _ key: String) throws(DialectError) -> Place {
    guard let first = steps.first else { return .whole }
    let name = String(decoding: first, as: UTF8.self)
    if let known = names.firstIndex(of: name) { return .member(known, Array(steps.dropFirst())) }
    guard names.count < WantedMembers.limit else {
      throw DialectError(key, "“\(text)” is one member too many: rules can speak of \(WantedMembers.limit)")
    }
    names.append(name)
    return .member(names.count - 1, Array(steps.dropFirst()))
  }

  // MARK: - Conditions

  mutating func outcomeConditions(_ value: JSON, _ key: String) throws(DialectError) -> [Condition] {
    try conditions(value, key)
  }

  private mutating func conditions(_ value: JSON, _ key: String) throws(DialectError) -> [Condition] {
    guard case .object(let object) = value else {
      throw DialectError(key, "must be an object of pointers and what they must find")
    }
    var conditions: [Condition] = []
    for member in object.members {
      let path = "\(key).\(member.key)"
      conditions.append(Condition(place: try place(member.key, path), test: try test(member.value, path)))
    }
    return conditions
  }

  private func test(_ value: JSON, _ key: String) throws(DialectError) -> Test {
    guard case .object(let object) = value else { return .isOneOf(try literals(value, key)) }
    guard object.members.count == 1, let member = object.members.first else {
      throw DialectError(key, "must have one of “not”, “present” and “like”")
    }
    let path = "\(key).\(member.key)"
    switch (member.key, member.value) {
    case ("not", let value): return .isNoneOf(try literals(value, path))
    case ("present", .bool(let isPresent)): return .isPresent(isPresent)
    case ("present", _): throw DialectError(path, "must be true or false")
    case ("like", .string(let text)):
      guard let pattern = TextPattern(text), pattern.names.isEmpty else {
        throw DialectError(path, "must be text with * for anything, and no two of them in a row")
      }
      return .looksLike(pattern)
    case ("like", _): throw DialectError(path, "must be text with * for anything")
    default: throw DialectError(path, "unknown key; there are not, present and like")
    }
  }

  private func literals(_ value: JSON, _ key: String) throws(DialectError) -> [Literal] {
    switch value {
    case .array(let elements) where !elements.isEmpty:
      var literals: [Literal] = []
      for element in elements { literals.append(try literal(element, key)) }
      return literals
    default: return [try literal(value, key)]
    }
  }

  private func literal(_ value: JSON, _ key: String) throws(DialectError) -> Literal {
    switch value {
    case .string(let string): return .string(Array(string.utf8))
    case .integer(let number): return .number(Double(number))
    case .number(let number): return .number(number)
    case .bool(let bool): return .bool(bool)
    case .null: return .null
    case .array, .object, .raw:
      throw DialectError(key, "must be a string, a number, true, false or null, or a list of them")
    }
  }
}

extension Condition {
  /// The member that a line cannot do without, if it is to fit.
  fileprivate var neededMember: Int? {
    guard case .member(let member, _) = place else { return nil }
    return switch test {
    case .isOneOf(let literals): literals.contains(.null) ? nil : member
    case .looksLike, .isPresent(true): member
    case .isNoneOf, .isPresent(false): nil
    }
  }
}
