/// Who put plugins into a place.
public enum PlaceKind: String, CaseIterable, Sendable {
  /// Whoever set `REEVE_PLUGINS`.
  case named
  /// The user.
  case user
  /// Whoever looks after the machine.
  case system
  /// Reeve itself.
  case bundled

  /// What a place is that a caller with this environment finds.
  init(of place: String, environment: [String: String]) {
    if environment["REEVE_PLUGINS"] != nil {
      self = .named
    } else if place.hasPrefix("/etc/") {
      self = .system
    } else {
      // The last two are where `Catalog` looks for what came with the program.
      self = place.hasSuffix("/share/reeve/plugins") || place.hasSuffix("/plugins/agents") ? .bundled : .user
    }
  }
}
