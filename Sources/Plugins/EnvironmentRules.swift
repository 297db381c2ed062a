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

  /// What marks a nested agent or a debugger: an agent that sees it refuses to run, or hangs.
  static let neverPassed = ["CLAUDECODE", "CLAUDE_CODE_*", "NODE_OPTIONS", "NODE_INSPECT_*", "VSCODE_INSPECTOR_*"]

  static let marker = RunMark.variable

  /// Whether this may name a variable. A star could stand in a name, but whoever writes one means a pattern.
  static func isName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "*") }
  }

  /// The environment of a run, as `NAME=value`, from that of the caller.
  ///
  /// What the manifest names in full is passed; of the rest, the base list and what a glob of its `pass` matches,
  /// without what it drops. What it sets stands over all.
  func environment(
    from caller: [String: String], run: String, directory: String
  ) throws(PluginError) -> [String] {
    let missing = require.filter { caller[$0] == nil }
    guard missing.isEmpty else {
      var error = PluginError(
        .missingEnvironment, "the plugin requires \(missing.joined(separator: ", ")) in the environment")
      error.names = missing
      throw error
    }
    var environment = caller.filter { isPassed($0.key) }
    for variable in set { environment[variable.name] = variable.value }
    environment["PWD"] = directory
    // Runs nest: the list tells whose tree this is a part of.
    let outer = caller[Self.marker] ?? ""
    environment[Self.marker] = outer.isEmpty ? run : "\(outer):\(run)"
    return environment.map { "\($0.key)=\($0.value)" }.sorted()
  }

  /// What becomes of each variable of a caller, by name: a value may be a secret.
  func preview(of caller: [String: String]) -> EnvironmentPreview {
    let names = caller.keys.sorted()
    let own = set.map(\.name)
    return EnvironmentPreview(
      passed: names.filter { isPassed($0) && !own.contains($0) },
      dropped: names.filter { !isPassed($0) && !own.contains($0) }, set: own + ["PWD", Self.marker],
      missing: require.filter { caller[$0] == nil })
  }

  private func isPassed(_ name: String) -> Bool {
    if Self.matches(name, Self.neverPassed) { return false }
    if pass.contains(name) || require.contains(name) { return true }
    if Self.matches(name, drop) { return false }
    if Self.matches(name, Self.base) { return true }
    // A wide net may not catch what looks like a secret: that must be named.
    return Self.matches(name, pass) && !Self.looksSecret(name)
  }

  static func isHarmless(_ name: String) -> Bool { matches(name, base) && !matches(name, neverPassed) }

  private static func matches(_ name: String, _ patterns: [String]) -> Bool {
    patterns.contains { $0.hasSuffix("*") ? name.hasPrefix($0.dropLast()) : name == $0 }
  }

  static func looksSecret(_ name: String) -> Bool {
    let words = name.uppercased().split(separator: "_")
    let secret: Set<Substring> = [
      "KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "AUTH", "APIKEY",
    ]
    return words.contains { secret.contains($0) }
  }
}

/// Which variables a program would get, by name.
public struct EnvironmentPreview: Sendable {
  /// Passed on as they are.
  public let passed: [String]
  /// Not passed on.
  public let dropped: [String]
  /// Set, whatever the caller has.
  public let set: [String]
  /// Required, and not there.
  public let missing: [String]
}
