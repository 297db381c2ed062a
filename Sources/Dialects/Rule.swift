internal import Wire

/// Where something is found that a rule speaks of.
enum Place: Hashable, Sendable {
  /// At a pointer, from the whole line: the index of the wanted member, and the steps from there.
  case member(Int, [[UInt8]])
  /// At a pointer, from the element that the rule looks at.
  case element([[UInt8]])
  /// The whole object.
  case whole
  /// A part of a pattern.
  case part(Int)
  /// The whole line of text.
  case line
}

/// The places where a value may be: the first that has one counts.
typealias Field = [Place]

/// A value that a rule compares with.
enum Literal: Hashable, Sendable {
  case string([UInt8])
  case number(Double)
  case bool(Bool)
  case null
}

/// What a place must hold.
enum Test: Hashable, Sendable {
  case isOneOf([Literal])
  case isNoneOf([Literal])
  case isPresent(Bool)
  case looksLike(TextPattern)
}

struct Condition: Hashable, Sendable {
  let place: Place
  let test: Test
}

/// What a rule says of a line that it fits.
enum Effect: Hashable, Sendable {
  case session(Field)
  case error(Field)
  case retrying(Field)
  case attention(Field)
  case toolStarted(id: Field, name: Field)
  case toolFinished(id: Field, name: Field, outcome: Outcome)
  case text(Field)
  case piece(Field)
  case figure(String, Field)
  /// Every whole number of the object there, by its name.
  case figures(Field)
  case progress(Field)
  case success(Field)
  case failure(Field)
  case done

  /// What says that a tool call went well.
  enum Outcome: Hashable, Sendable {
    case unknown
    case always(Bool)
    case boolean(Field)
    case conditions([Condition])
  }
}

extension Effect {
  /// Whether it speaks of the element that its rule looks at.
  var isAboutElement: Bool {
    switch self {
    case .session(let field), .error(let field), .retrying(let field), .attention(let field), .text(let field),
      .piece(let field), .figure(_, let field), .figures(let field), .progress(let field), .success(let field),
      .failure(let field):
      field.isAboutElement
    case .toolStarted(let id, let name): id.isAboutElement || name.isAboutElement
    case .toolFinished(let id, let name, let outcome):
      id.isAboutElement || name.isAboutElement || outcome.isAboutElement
    case .done: false
    }
  }
}

extension Effect.Outcome {
  fileprivate var isAboutElement: Bool {
    switch self {
    case .unknown, .always: false
    case .boolean(let field): field.isAboutElement
    case .conditions(let conditions): conditions.map(\.place).isAboutElement
    }
  }
}

extension Field {
  fileprivate var isAboutElement: Bool { contains { if case .element = $0 { true } else { false } } }
}

/// A rule about JSON objects.
struct ObjectRule: Hashable, Sendable {
  /// What the line must fit; those about the whole line.
  var conditions: [Condition] = []
  /// The array whose elements are looked at one by one, and what an element must fit.
  var elements: Field?
  var elementConditions: [Condition] = []
  /// What is said of each element that fits.
  var elementEffects: [Effect] = []
  /// What is said of the line: once, however many elements fit.
  var effects: [Effect] = []
  /// The members without which it cannot fit, a bit each.
  var required: UInt64 = 0
}

/// A rule about lines of plain text.
struct TextRule: Hashable, Sendable {
  let pattern: TextPattern
  let effects: [Effect]
}
