internal import Dialects
internal import Kernel
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

  /// What a manifest says a run is judged by, for the record. Rules of a dialect are kept in the run's folder.
  ///
  /// `goesOn` is whether the run goes on with a session of its agent's.
  static func description(of manifest: Manifest, goesOn: Bool) -> JSONText {
    var json: JSONObject = [
      "result": .string(manifest.result.rawValue), "final": .string(manifest.final.rawValue),
      "success_needs_exit": .bool(manifest.successNeedsExit),
    ]
    if goesOn { json["goes_on"] = true }
    if let name = manifest.dialect.name { json["dialect"] = .string(name) }
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
  /// Whether it went on with a session of its agent's from the beginning.
  var goesOn: Bool {
    guard let terms, case .object(let object)? = try? JSON.parse(terms.text) else { return resumes != nil }
    return object["goes_on"] == .bool(true) || resumes != nil
  }
}

extension Dialect {
  /// The dialect that a run's record names; Reeve's own where it names none.
  init(described text: JSONText?) {
    guard let text, case .object(let terms)? = try? JSON.parse(text.text), let name = terms["dialect"],
      let dialect = try? Dialect(name)
    else {
      self = .native
      return
    }
    self = dialect
  }

  /// A larger file is none of ours.
  private static let largestRecord = 1 << 20

  /// The rules that were kept for a run; nil when they cannot be read.
  init?(recorded file: borrowing Descriptor) {
    guard let bytes = (try? file.readAll(limit: Self.largestRecord)) ?? nil, let json = try? JSON.parse(bytes),
      let dialect = try? Dialect(json)
    else { return nil }
    self = dialect
  }
}
