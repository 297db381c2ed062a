internal import Plugins
internal import Wire

/// `reeve new PLUGIN`
enum NewCommand {
  static var command: Command {
    Command(
      name: "new", words: "PLUGIN", least: 1, most: 1,
      options: [
        Option(name: "in", value: "DIR", meaning: "where to make it (default: where your own plugins lie)"),
        Command.json,
      ],
      summary: "Makes a plugin that works, to begin your own from.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let surroundings = try Surroundings()
    let name = arguments.words[0]
    guard let place = arguments.value("in") ?? surroundings.catalog.places.first?.path, !place.isEmpty else {
      throw CommandFailure(.usage, "there is no place for plugins; say where: --in DIR")
    }
    let made = try Scaffold.make(name, in: place)
    if arguments.has("json") {
      let files = made.files.map { JSON.string($0) }
      Terminal.print(JSON.object(["folder": .string(made.folder), "files": .array(files)]).text + "\n")
      return .succeeded
    }
    let report = PluginReport(name, in: surroundings.catalog, environment: surroundings.environment)
    let isFound = (try? RunCommand.realPath(report.folder)) == made.folder
    // What lies elsewhere has to be named.
    let prefix = isFound ? "" : "REEVE_PLUGINS=\(parent(of: made.folder).shellWord) "
    let text =
      made.files.map { "made \($0)\n" }.joined() + """

        try it, look what Reeve makes of it, and make it yours:
          \(prefix)reeve run \(name) hello
          \(prefix)reeve check \(name)
          ${EDITOR:-vi} \((made.files.last ?? made.folder).shellWord)

        """
    Terminal.print(text)
    for hidden in report.hides where isFound { Terminal.complain("it comes before the one in \(hidden.folder)") }
    return .succeeded
  }

  private static func parent(of folder: String) -> String {
    String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)])
  }
}
