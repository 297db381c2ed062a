/// What a line of an agent means to Reeve. A line can mean several things.
public enum Meaning: Sendable {
  /// The agent gets on.
  case progress
  /// A message of the agent, whole.
  case text(Excerpt)
  /// A piece of one.
  case piece(Excerpt)
  /// A tool call begins.
  case toolStarted(ToolCall)
  /// A tool call ended, and how, if that is known.
  case toolFinished(ToolCall, isFine: Bool?)
  /// What was used: a figure by its name.
  case figure(String, Amount)
  /// The agent names its session.
  case session(Excerpt)
  /// Something went wrong that the agent may get over.
  case error(Excerpt?)
  /// It tries again.
  case retrying(Excerpt?)
  /// A person should look.
  case attention(Excerpt?)
  /// The work is done: its result, if it has one.
  case success(Excerpt?)
  /// The work could not be done: why, if that is said.
  case failure(Excerpt?)
  /// There is nothing more to come: what it said last of how its work went stands.
  case done
}

/// One call of a tool.
public struct ToolCall: Sendable {
  /// By this calls are told apart: a hash of what names it.
  public let key: UInt64
  /// The name of the tool.
  public let name: Excerpt?
}

/// What kind of line was read.
public enum LineKind: Sendable {
  /// JSON.
  case json
  /// Plain text of the kind that the dialect expects.
  case text
  /// Anything else.
  case noise
}
