/// What becomes of a variable of the caller, and why.
public enum EnvironmentDecision: Hashable, Sendable {
  /// It is passed on as it is, since this wants it.
  case passed(Source)
  /// It is not.
  case dropped(Reason)
  /// The manifest, or Reeve, says what it is.
  case set

  /// Who wants a variable passed on.
  public enum Source: String, Sendable {
    /// Every program gets it.
    case base = "every program gets it"
    /// The plugin's manifest.
    case manifest = "the manifest passes it"
    /// The user's configuration.
    case configuration = "config.json passes it"
  }

  /// Why a variable is not passed on.
  public enum Reason: String, Sendable {
    /// An agent would take itself for one inside another, or wait for a debugger.
    case marksNesting = "marks a nested agent or a debugger"
    /// It changes what a program loads or does.
    case steersPrograms = "steers what programs load or do; must be named in full"
    /// The manifest does not want it.
    case manifest = "the manifest drops it"
    /// A pattern matches it, and it looks like a secret.
    case looksSecret = "looks like a secret; must be named in full"
    /// Nobody wants it.
    case unnamed = "no rule names it"
  }
}

/// Which variables a program would get, by name.
public struct EnvironmentPreview: Sendable {
  /// Passed on as they are, and who wants that.
  public internal(set) var passedBy: [(name: String, source: EnvironmentDecision.Source)] = []
  /// Not passed on, and why.
  public internal(set) var droppedFor: [(name: String, reason: EnvironmentDecision.Reason)] = []
  /// Set, whatever the caller has.
  public internal(set) var set: [String] = []
  /// Required, and not there.
  public internal(set) var missing: [String] = []
  /// Wanted by their full names, and not there; the plugin can do without.
  public internal(set) var absent: [String] = []

  /// Passed on as they are.
  public var passed: [String] { passedBy.map(\.name) }
  /// Not passed on.
  public var dropped: [String] { droppedFor.map(\.name) }

  mutating func add(_ name: String, _ decision: EnvironmentDecision) {
    switch decision {
    case .passed(let source): passedBy.append((name, source))
    case .dropped(let reason): droppedFor.append((name, reason))
    case .set: break
    }
  }
}

/// The environment that a run gets, and what became of its caller's variables.
public struct RunEnvironment: Sendable {
  /// As `NAME=value`.
  public let variables: [String]
  /// The names, for the record.
  public let report: EnvironmentPreview
}
