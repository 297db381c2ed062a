internal import Dialects
internal import Model
internal import Plugins
internal import Supervision
internal import Wire

extension Terms {
  /// What a run of this plugin is held to.
  init(of manifest: Manifest, limits: Limits = Limits()) {
    self.init(
      limits: limits, basis: manifest.result, countsLastWord: manifest.final == .last,
      successNeedsExit: manifest.successNeedsExit)
  }

  /// Whether what the agent says after a final word can still count.
  var hearsOn: Bool { countsLastWord || basis == .evidence }

  /// What a manifest says a run is judged by, for the record, and the session of its agent's that it goes on with.
  static func description(of manifest: Manifest, session: String?) -> JSONText {
    var json: JSONObject = [
      "result": .string(manifest.result.rawValue), "final": .string(manifest.final.rawValue),
      "success_needs_exit": .bool(manifest.successNeedsExit),
    ]
    json["dialect"] = .string(manifest.dialect.name ?? manifest.dialect.digest ?? "")
    json["goes_on"] = session.map { .string($0) }
    return JSONText(valid: JSON.object(json).text)
  }

  /// The same, from the record; the defaults where there is none.
  init(described text: JSONText?) {
    guard let text, case .object(let terms)? = try? JSON.parse(text.text) else {
      self.init()
      return
    }
    var basis = Basis.word
    if case .string(let word)? = terms["result"] { basis = Basis(rawValue: word) ?? .word }
    self.init(
      basis: basis, countsLastWord: terms["final"] == .string(Manifest.Final.last.rawValue),
      successNeedsExit: terms["success_needs_exit"] == .bool(true))
  }
}

extension RunRecord {
  /// The session of its agent's that it went on with; nil where a session began with it.
  var sessionBefore: String? { term("goes_on") }

  /// How its lines are read: the name of a dialect, or the digest of rules.
  fileprivate var dialect: String? { term("dialect") }

  private func term(_ name: String) -> String? {
    guard let terms, case .object(let object)? = try? JSON.parse(terms.text), case .string(let text)? = object[name]
    else { return nil }
    return text
  }
}

extension StateFolder {
  /// The dialect of a run; nil when its rules are not there any more, so that nobody can tell what its agent said.
  func dialect(of run: RunRecord) -> Dialect? {
    guard let name = run.dialect else { return .native }
    return (try? Dialect(.string(name))) ?? dialect(name)
  }
}
