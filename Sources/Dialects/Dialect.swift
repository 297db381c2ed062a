internal import Model
public import Wire

/// How the lines of an agent are read: rules, compiled once.
public struct Dialect: Sendable {
  /// The members of a line that rules speak of.
  let wanted: WantedMembers
  let objectRules: [ObjectRule]
  let lineRules: [TextRule]
  let errorRules: [TextRule]
  let dispatch: Dispatch
  /// The figures that an agent adds up over its whole session, not over the run.
  public let cumulative: Set<String>
  /// Whether its lines are never JSON.
  let isPlain: Bool
  /// The column at which the agent breaks its lines of text, if it does.
  let wrap: Int?
  /// What it was read from: its name, or its rules.
  public let source: JSON

  /// What tells its rules from others; nil when it has a name, and so needs none.
  public let digest: String?

  /// Its name; nil when it was written out as rules.
  public var name: String? { if case .string(let name) = source { name } else { nil } }

  /// Whether an agent that speaks it can say that there is nothing more to come.
  public var endsByItself: Bool {
    let effects = objectRules.flatMap { $0.effects + $0.elementEffects } + (lineRules + errorRules).flatMap(\.effects)
    return effects.contains(.done)
  }

  /// Whether stderr says anything.
  public var hearsErrors: Bool { !errorRules.isEmpty }

  /// The names of dialects that need no rules.
  public static let named: [(name: String, dialect: Dialect)] = [("native", native), ("plain", plain)]

  /// Reeve's own.
  public static let native = builtIn(
    """
    [{"when": {"/type": "text"}, "text_delta": "/text"},
     {"when": {"/type": ["progress", "artifact", "tool"]}, "progress": true},
     {"when": {"/type": "tool", "/state": "started"},
      "tool_started": {"id": ["/id", "/name"], "name": "/name"}},
     {"when": {"/type": "tool", "/state": "finished"},
      "tool_finished": {"id": ["/id", "/name"], "name": "/name", "ok": "/ok"}},
     {"when": {"/type": "usage"}, "usage": ""},
     {"when": {"/type": "session"}, "session": "/id"},
     {"when": {"/type": "result", "/status": "ok"}, "success": "/output"},
     {"when": {"/type": "result", "/status": "error"}, "failure": "/error"}]
    """, name: "native")

  /// Text, and no more: every line is a piece of the answer.
  public static let plain = builtIn(
    #"{"plain": true, "rules": [{"line": "{text}", "text_delta": "{text}"}]}"#, name: "plain")

  private static func builtIn(_ rules: String, name: String) -> Dialect {
    do {
      return try DialectReader.read(try JSON.parse(rules), named: name)
    } catch {
      preconditionFailure("the dialect “\(name)” cannot be read: \(error)")
    }
  }

  /// Reads what a manifest says: a name, a list of rules, or an object that holds them.
  public init(_ json: JSON) throws(DialectError) {
    if case .string(let name) = json {
      guard let known = Self.named.first(where: { $0.name == name }) else {
        let names = Self.named.map { "“\($0.name)”" }.joined(separator: " and ")
        throw DialectError("", "there is no dialect “\(name)”: there are \(names), or write rules")
      }
      self = known.dialect
    } else {
      self = try DialectReader.read(json, named: nil)
    }
  }

  init(
    wanted: WantedMembers, objectRules: [ObjectRule], lineRules: [TextRule], errorRules: [TextRule],
    cumulative: Set<String>, isPlain: Bool, wrap: Int?, source: JSON
  ) {
    self.wanted = wanted
    var objectRules = objectRules
    dispatch = Dispatch(&objectRules)
    self.objectRules = objectRules
    self.lineRules = lineRules
    self.errorRules = errorRules
    self.cumulative = cumulative
    self.isPlain = isPlain
    self.wrap = wrap
    self.source = source
    if case .string = source {
      digest = nil
    } else {
      var digest = SHA256()
      digest.update(source.text.utf8)
      self.digest = digest.finish()
    }
  }
}

/// What is wrong with a dialect.
public struct DialectError: Error, Sendable {
  /// The rule and key at fault, as a path; empty for the whole.
  public let key: String
  /// One line for people.
  public let message: String

  init(_ key: String, _ message: String) {
    self.key = key
    self.message = message
  }
}
