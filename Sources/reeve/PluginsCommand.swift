internal import Plugins
internal import Wire

/// `reeve plugins`
enum PluginsCommand {
  static var command: Command {
    Command(
      name: "plugins", words: "", least: 0, most: 0,
      options: [
        Option(name: "cwd", value: "DIR", meaning: "the directory whose project is looked at too (default: this one)"),
        Command.json,
      ],
      summary: "Lists the plugins, where they lie, and whether they can be used.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let surroundings = try Surroundings()
    let catalog = surroundings.catalog
    let reports = catalog.reports(
      for: try RunCommand.directory(arguments, surroundings), environment: surroundings.environment)
    if arguments.has("json") {
      Terminal.print(JSON.array(reports.map(\.json)).text + "\n")
    } else if reports.isEmpty {
      Terminal.print("there are no plugins in \(catalog.placeNames); “reeve new NAME” makes one\n")
    } else {
      Terminal.print(Terminal.printable(text(of: reports)))
    }
    return .succeeded
  }

  private static func text(of reports: [PluginReport]) -> String {
    var rows = [["PLUGIN", "VERSION", "STATE", "PLACE", "FOLDER"]]
    for report in reports {
      rows.append([
        report.name, version(report.version), report.why == nil ? "usable" : "unusable", report.place?.rawValue ?? "",
        report.folder,
      ])
      for hidden in report.hides {
        rows.append([report.name, version(hidden.version), "hidden", hidden.place.rawValue, hidden.folder])
      }
    }
    let troubles = reports.compactMap { report in report.why.map { "\(report.name): \($0)\n" } }
    return table(rows) + (troubles.isEmpty ? "" : "\n" + troubles.joined())
  }

  private static func version(_ version: String) -> String { version.isEmpty ? "–" : version }
}
