internal import Host
internal import Model
internal import Plugins
internal import RPC

/// The shapes that have names in the protocol.
enum Shapes {
  static let definitions: [(name: String, shape: Shape)] = [
    ("RunID", identifier), ("Time", time), ("Run", run), ("Event", event), ("Transition", transition),
    ("Plugin", plugin), ("Finding", finding),
  ]

  /// A run where it stands in an answer.
  static let aRun = Shape.named("Run")
  static let anIdentifier = Shape.named("RunID")

  private static let identifier = Shape.string(pattern: "^[0-9a-hjkmnp-tv-z]{26}$")
  private static let time = Shape.string(pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$")
  private static let aTime = Shape.named("Time")
  private static let text = Shape.text.orNull
  private static let count = Shape.count.orNull

  private static func words<Word: RawRepresentable<String> & CaseIterable>(_: Word.Type) -> Shape {
    .word(Word.allCases.map(\.rawValue))
  }

  private static let memory = Shape.object([
    Member("limit", count), Member("peak", count), Member("enforced_by", words(Enforcer.self).orNull),
  ])

  private static let exit = Shape.either([
    .object([Member("code", .whole)]), .object([Member("signal", .text)]), .null,
  ])

  private static let limit = Shape.object([
    Member("value", .text), Member("from", words(Limits.Origin.self)),
  ])

  private static let leftover = Shape.object([Member("pid", .whole), Member("name", .text)])

  private static let environment = Shape.object([
    Member("passed", .list(of: .text)), Member("dropped", .list(of: .text)), Member("missing", .list(of: .text)),
  ])

  private static let run = Shape.object([
    Member("id", anIdentifier), Member("plugin", .text),
    Member("status", words(Status.self), "how the work goes, or went"),
    Member("reason", text, "why it ended as it did; null while it lives and when it succeeded"),
    Member("disposal", words(Disposal.self), "what became of its processes"),
    Member("flags", .list(of: .text), "what is worth a look"), Member("created", aTime),
    Member("started", aTime.orNull), Member("settled", aTime.orNull, "when the verdict was given"),
    Member("gone", aTime.orNull, "when the last of its processes was gone"), Member("cwd", .text),
    Member("session", text, "the agent's own session, by which it can be resumed"),
    Member("resumes", anIdentifier.orNull), Member("parent", anIdentifier.orNull),
    Member("labels", .map(of: .text)), .optional("resumed_by", anIdentifier),
    .optional("position", .integer(atLeast: 1), "its place among those that wait"),
    .optional("activity", .text, "what its agent is at: a tool, or that it tries again"),
    Member("output", .any, "the result, exactly as the agent gave it"), Member("text", text, "the answer, for people"),
    .optional("truncated", .boolean, "whether `output` or `text` was cut; `run/get` has all of it"),
    Member("error", text, "what went wrong, for people"), Member("exit", exit, "how its main process ended"),
    Member("usage", Shape.map(of: .any).orNull, "what the agent says it used"), Member("cost_usd", Shape.number.orNull),
    .optional("cumulative", .map(of: .any), "figures that the agent adds up over its whole session, as it gave them"),
    Member("events", .count), Member("bytes", .count), Member("noise", .count, "lines that were not JSON"),
    Member("limits", .map(of: limit)),
    .optional("environment", environment, "names of variables, never their values"),
    Member("containment", words(Containment.self).orNull),
    Member("memory", memory), Member("cpu_ms", count), Member("tasks_peak", count),
    Member("leftovers", Shape.list(of: leftover).orNull, "processes that were still alive when it was to be gone"),
    Member("host", .text), Member("pid", Shape.whole.orNull),
    Member("recorded", .boolean, "whether what is said here is in the ledger"),
  ])

  private static let event = Shape.object([
    Member("n", .integer(atLeast: 1), "its number"), Member("event", .any, "the event, byte for byte"),
  ])

  private static let transition = Shape.object([
    Member("at", aTime), Member("from", text), Member("to", .text), Member("reason", text), Member("host", .text),
    Member("evidence", .any, "what the change rests on"),
  ])

  private static let plugin = Shape.object([
    Member("name", .text), Member("version", .text), Member("description", text), Member("folder", .text),
    Member("place", words(PluginPlace.Kind.self).orNull, "who put it there"), Member("usable", .boolean),
    Member("why", text, "why it is not usable"),
    Member("hides", .list(of: hidden), "those of its name in later places"),
  ])

  private static let hidden = Shape.object([
    Member("folder", .text), Member("place", words(PluginPlace.Kind.self)), Member("version", .text),
  ])

  private static let finding = Shape.object([
    Member("subject", .text), Member("health", .word(["fine", "weak", "broken"])), Member("what", .text),
    Member("remedy", text),
  ])
}
