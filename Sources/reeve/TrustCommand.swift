internal import Kernel
internal import Plugins
internal import Wire

/// `reeve trust [DIR]`
enum TrustCommand {
  static var command: Command {
    Command(
      name: "trust", words: "[DIR]", least: 0, most: 1,
      options: [
        Option(name: "list", meaning: "list what is trusted, and whether it is still as it was"),
        Option(name: "remove", value: "DIR", meaning: "trust this plugin, or all of this project, no more"),
        Command.json,
      ],
      summary:
        "Lets the plugins of a project (.reeve/plugins), or the one in this folder, be run, for as long as no byte of them changes.",
      run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let surroundings = try Surroundings()
    let state = surroundings.statePath
    let wishes = [!arguments.words.isEmpty, arguments.has("list"), arguments.has("remove")]
    guard wishes.filter({ $0 }).count == 1 else {
      throw CommandFailure(.usage, "“reeve trust” needs a DIR, or --list, or --remove DIR")
    }
    if arguments.has("list") { return list(try TrustRecord.read(in: state), isJSON: arguments.has("json")) }
    if let folder = arguments.value("remove") {
      return try remove(absolute(folder, surroundings), state, isJSON: arguments.has("json"))
    }
    let request = try TrustRequest(arguments.words[0])
    // Shown before it is recorded: whoever calls sees what they have agreed to, also if that fails.
    show(request.plugins, isJSON: arguments.has("json"))
    try TrustRecord.change(in: state) { $0.add(request.entries) }
    return .succeeded
  }

  private static func show(_ plugins: [TrustRequest.Plugin], isJSON: Bool) {
    guard !isJSON else {
      let list = plugins.map { plugin -> JSON in
        var object: JSONObject = [
          "name": .string(plugin.name), "folder": .string(plugin.folder), "digest": .string(plugin.digest),
        ]
        for command in plugin.commands { object[command.key] = .array(command.words.map { .string($0) }) }
        object["passed"] = .array(plugin.passed.map { .string($0) })
        object["set"] = .array(plugin.set.map { .string($0) })
        object["may_gain_privileges"] = .bool(plugin.mayGainPrivileges)
        return .object(object)
      }
      return Terminal.print(JSON.object(["plugins": .array(list)]).text + "\n")
    }
    for plugin in plugins {
      var rows = [("folder", plugin.folder), ("digest", plugin.digest)]
      rows += plugin.commands.map { ($0.key, $0.words.map { JSON.string($0).text }.joined(separator: " ")) }
      if !plugin.passed.isEmpty { rows.append(("gets", plugin.passed.joined(separator: " "))) }
      rows += plugin.set.map { ("sets", $0) }
      if plugin.mayGainPrivileges { rows.append(("may", "become another user (sudo, setuid)")) }
      Terminal.print("\(plugin.name)\n\(columns(rows.map { ($0.0, Terminal.printableLine($0.1)) }))\n")
    }
  }

  private static func list(_ record: TrustRecord, isJSON: Bool) -> ExitCode {
    let entries = record.entries.map { ($0, $0.standing) }
    if isJSON {
      let list = entries.map { entry, standing -> JSON in
        [
          "folder": .string(entry.folder), "digest": .string(entry.digest), "standing": .string(standing.rawValue),
        ]
      }
      Terminal.print(JSON.object(["plugins": .array(list)]).text + "\n")
    } else {
      let lines = entries.map { entry, standing in
        "\(standing.rawValue.padded(to: 8))\(Terminal.printableLine(entry.folder))\n"
      }
      Terminal.print(Terminal.printable(lines.joined()))
    }
    return .succeeded
  }

  private static func remove(_ folder: String, _ state: String, isJSON: Bool) throws -> ExitCode {
    var removed = 0
    try TrustRecord.change(in: state) { removed = $0.remove(folder) }
    if isJSON {
      Terminal.print(JSON.object(["removed": .integer(Int64(removed))]).text + "\n")
    } else {
      Terminal.print("\(removed) \(removed == 1 ? "plugin is" : "plugins are") trusted no more\n")
    }
    return removed > 0 ? .succeeded : .failed
  }

  /// A folder that is not there any more can be forgotten as well.
  private static func absolute(_ path: String, _ surroundings: Surroundings) throws -> String {
    if let real = try? Directory.open(path, following: true).descriptor.realPath() { return real }
    let whole = path.hasPrefix("/") ? path : "\(try surroundings.directory())/\(path)"
    var parts: [Substring] = []
    for part in whole.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }
}

extension String {
  /// With blanks behind it, up to a width.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
