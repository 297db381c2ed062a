/// What tells how a run went.
public enum Basis: String, CaseIterable, Hashable, Sendable {
  /// The agent's final word, at once.
  case word = "event"
  /// The exit code of its program, unless the agent says a final word: it need not speak at all, and silence is no sign of
  /// trouble.
  case exit
  /// Both, when its program has exited: the last thing it said of how its work went, and exit code 0.
  case evidence
}
