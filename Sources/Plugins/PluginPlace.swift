/// A folder in which plugins are looked for.
public struct PluginPlace: Hashable, Sendable {
  /// Who put plugins there.
  public enum Kind: String, CaseIterable, Sendable {
    /// Whoever set `REEVE_PLUGINS`.
    case named
    /// The user.
    case user
    /// Whoever looks after the machine.
    case system
    /// Reeve itself.
    case bundled
    /// A project that the user works in.
    case project
  }

  /// Where it is.
  public let path: String
  /// Who put plugins there.
  public let kind: Kind
}
