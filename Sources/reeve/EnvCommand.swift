internal import Plugins
internal import Wire

/// `reeve env PLUGIN`
enum EnvCommand {
  static var command: Command {
    Command(
      name: "env", words: "PLUGIN", least: 1, most: 1,
      options: [
        Option(name: "cwd", value: "DIR", meaning: "the directory it would work in (default: this one)"), Command.json,
      ],
      summary: "Tells by name, never by value, which variables a plugin's program would get, and why.", run: run)
  }

  /// A variable, what becomes of it, and why.
  private struct Row {
    let name: String
    let fate: String
    let why: String
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let surroundings = try Surroundings()
    let directory = try RunCommand.directory(arguments, surroundings)
    let manifest = try surroundings.catalog.plugin(arguments.words[0], for: directory)
    let granted = try surroundings.configuration().granted(to: manifest.name)
    let preview = manifest.preview(of: surroundings.environment, granted: granted)
    let rows =
      preview.passedBy.map { Row(name: $0.name, fate: "passed", why: $0.source.rawValue) }
      + preview.set.map {
        Row(name: $0, fate: "set", why: manifest.sets($0) ? "the manifest sets it" : "Reeve sets it")
      }
      + preview.missing.map { Row(name: $0, fate: "missing", why: "the manifest requires it") }
      + preview.absent.map { Row(name: $0, fate: "missing", why: "it is to be passed, and not there") }
      + preview.droppedFor.map { Row(name: $0.name, fate: "dropped", why: $0.reason.rawValue) }
    if arguments.has("json") {
      let variables = rows.map { row -> JSON in
        ["name": .string(row.name), "fate": .string(row.fate), "why": .string(row.why)]
      }
      let json: JSON = [
        "plugin": .string(manifest.name), "usable": .bool(preview.missing.isEmpty), "variables": .array(variables),
      ]
      Terminal.print(json.text + "\n")
    } else {
      let width = (rows.map(\.name.count).max() ?? 0) + 2
      let lines = rows.map { "\($0.fate.padded(to: 9))\($0.name.padded(to: width))\($0.why)\n" }
      Terminal.print(Terminal.printable(lines.joined()))
    }
    return preview.missing.isEmpty ? .succeeded : .failed
  }
}
