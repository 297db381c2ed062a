/// Which variables a program gets. Its environment is built from nothing: what no rule names is not passed.
struct EnvironmentRules: Sendable {
  var pass: [String] = []
  var require: [String] = []
  var set: [(name: String, value: String)] = []
  var drop: [String] = []

  /// What every program may need and nobody hides anything in.
  static let base = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_*", "TERM", "TZ", "TMPDIR", "XDG_*",
    "SSH_AUTH_SOCK", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy",
    "no_proxy", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
    "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "VIRTUAL_ENV", "JAVA_HOME", "GOPATH", "CARGO_HOME", "RUSTUP_HOME",
    "NVM_DIR",
  ]
  private static let basePatterns = Patterns(base)

  /// What says that this is an agent inside another, or a program that is being debugged: an agent that sees it refuses
  /// to run, or waits for ever for a debugger. Nobody can pass these on; a manifest can set them.
  static let neverPassed: Set<String> = [
    "CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED",
    "GEMINI_CLI", "QWEN_CODE", "OPENCODE", "CURSOR_AGENT", "CURSOR_TRACE_ID", "NODE_OPTIONS",
    "NODE_INSPECT_RESUME_ON_START",
    "VSCODE_INSPECTOR_OPTIONS",
  ]

  /// What no wide net may catch, since it steers an agent, a debugger, or what a program loads before it begins. Who knows
  /// what they do name it in full.
  static let passedByNameAlone = [
    "CLAUDE_CODE_*", "NODE_INSPECT*", "VSCODE_INSPECTOR_*", "LD_*", "BASH_ENV", "ENV", "PYTHONSTARTUP", "PYTHONINSPECT",
    "PYTHONBREAKPOINT", "PERL5OPT", "PERL5DB", "RUBYOPT", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS",
  ]
  private static let byNamePatterns = Patterns(passedByNameAlone)

  static let marker = RunMark.variable
  static let ownNames = ["PWD", marker]

  /// Whether this may name a variable. A star could stand in a name, but whoever writes one means a pattern.
  static func isName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "*") }
  }

  static func isHarmless(_ name: String) -> Bool { isBase(name) && !neverPassed.contains(name) }

  /// A family is a wide net as well: it does not catch what looks like a secret.
  private static func isBase(_ name: String) -> Bool {
    basePatterns.names.contains(name) || (basePatterns.matchesGlob(name) && !SecretName.matches(name))
  }

  /// Whether the value of this variable is to be hidden. What every program may have is no secret, whatever it is called
  /// (`SSH_AUTH_SOCK`).
  static func looksSecret(_ name: String) -> Bool { !basePatterns.names.contains(name) && SecretName.matches(name) }

  // MARK: - Decisions

  /// What becomes of each variable of a caller, where the user's configuration passes on what `granted` says: in order,
  /// by name.
  func decisions(on caller: [String: String], granted: [String]) -> [(name: String, decision: EnvironmentDecision)] {
    let judge = Judge(self, granted: granted)
    return caller.keys.sorted().map { ($0, judge.decision(on: $0)) }
  }

  /// The names that somebody wants passed on, in full, and that the caller does not have.
  func absent(from caller: [String: String], granted: [String]) -> [String] {
    var seen: Set<String> = []
    let own = Set(set.map(\.name))
    return (pass + granted).filter {
      !$0.hasSuffix("*") && caller[$0] == nil && !own.contains($0) && !require.contains($0) && seen.insert($0).inserted
    }
  }

  /// The rules, made ready to be asked about many names.
  private struct Judge {
    let set: Set<String>
    let manifest: Patterns
    let granted: Patterns
    let drop: Patterns

    init(_ rules: EnvironmentRules, granted: [String]) {
      set = Set(rules.set.map(\.name) + EnvironmentRules.ownNames)
      manifest = Patterns(rules.pass + rules.require)
      self.granted = Patterns(granted)
      drop = Patterns(rules.drop)
    }

    func decision(on name: String) -> EnvironmentDecision {
      if set.contains(name) { return .set }
      if EnvironmentRules.neverPassed.contains(name) { return .dropped(.marksNesting) }
      // A name in full is meant, whatever it looks like.
      if manifest.names.contains(name) { return .passed(.manifest) }
      if granted.names.contains(name) { return .passed(.configuration) }
      if EnvironmentRules.byNamePatterns.matches(name) { return .dropped(.steersPrograms) }
      if drop.matches(name) { return .dropped(.manifest) }
      if EnvironmentRules.isBase(name) { return .passed(.base) }
      let isManifests = manifest.matchesGlob(name)
      guard isManifests || granted.matchesGlob(name) else { return .dropped(.unnamed) }
      // A wide net may not catch what looks like a secret: that must be named.
      if SecretName.matches(name) { return .dropped(.looksSecret) }
      return .passed(isManifests ? .manifest : .configuration)
    }
  }

  // MARK: - Environments

  /// The environment of a run, as `NAME=value`, from that of the caller.
  ///
  /// What is named in full is passed; of the rest, the base list and what a glob matches that is no secret, without what
  /// the manifest drops. What it sets stands over all.
  func environment(
    from caller: [String: String], granted: [String] = [], run: String, directory: String
  ) throws(PluginError) -> RunEnvironment {
    let missing = require.filter { caller[$0] == nil }
    guard missing.isEmpty else {
      var error = PluginError(
        .missingEnvironment, "the plugin requires \(missing.joined(separator: ", ")) in the environment")
      error.names = missing
      throw error
    }
    var report = EnvironmentPreview()
    var environment: [String] = []
    for (name, decision) in decisions(on: caller, granted: granted) {
      report.add(name, decision)
      if case .passed = decision, let value = caller[name] { environment.append("\(name)=\(value)") }
    }
    // What is set is passed on by no rule, so that no name comes twice.
    var fixed = Dictionary(set.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    fixed["PWD"] = directory
    // Runs nest: the list tells whose tree this is a part of.
    let outer = caller[Self.marker] ?? ""
    fixed[Self.marker] = outer.isEmpty ? run : "\(outer):\(run)"
    environment += fixed.map { "\($0.key)=\($0.value)" }
    report.absent = absent(from: caller, granted: granted)
    return RunEnvironment(variables: environment.sorted(), report: report)
  }

  /// What becomes of each variable of a caller, by name: a value may be a secret.
  func preview(of caller: [String: String], granted: [String]) -> EnvironmentPreview {
    var preview = EnvironmentPreview()
    for (name, decision) in decisions(on: caller, granted: granted) { preview.add(name, decision) }
    preview.set = set.map(\.name) + Self.ownNames
    preview.missing = require.filter { caller[$0] == nil }
    preview.absent = absent(from: caller, granted: granted)
    return preview
  }
}

/// Names, and beginnings of names: `HELLO_*`.
private struct Patterns: Sendable {
  let names: Set<String>
  private let globs: [String]

  init(_ patterns: [String]) {
    names = Set(patterns.filter { !$0.hasSuffix("*") })
    globs = patterns.filter { $0.hasSuffix("*") }.map { String($0.dropLast()) }
  }

  func matches(_ name: String) -> Bool { names.contains(name) || matchesGlob(name) }
  func matchesGlob(_ name: String) -> Bool { globs.contains { name.hasPrefix($0) } }
}
