internal import Dialects
internal import Model
internal import Wire

/// Reads a manifest, member by member; what it does not know is an error that names it.
struct ManifestReader {
  private var manifest: Manifest
  private let members: Members
  /// The name of the folder it lies in, which must be its own.
  private let folderName: String

  static func read(_ bytes: [UInt8], folder: String) throws(PluginError) -> Manifest {
    let manifest = Manifest(folder: folder)
    var reader = ManifestReader(
      manifest: manifest, members: Members(file: manifest.file, code: .badManifest),
      folderName: folder.split(separator: "/").last.map { String($0) } ?? "")
    let document = try reader.members.parse(bytes)
    guard case .object(let object) = document else { throw reader.members.wrong("", "a manifest is a JSON object") }
    for member in object.members { try reader.take(member.key, member.value) }
    try reader.finish()
    return reader.manifest
  }

  private mutating func take(_ key: String, _ value: JSON) throws(PluginError) {
    switch key {
    case "name": manifest.name = try members.string(value, key)
    case "version": manifest.version = try members.string(value, key)
    case "description": manifest.description = try members.string(value, key)
    case "command": manifest.command = try command(value, key)
    case "resume": manifest.resume = try command(value, key)
    case "session":
      let template = try template(value, key)
      guard template.placeholders.allSatisfy({ $0 == .run }) else {
        throw members.wrong(key, "can be made from {run} only")
      }
      manifest.session = template
    case "env": try environment(value, key)
    case "limits": manifest.limits = try members.limits(value, key)
    case "writes": manifest.writes = try members.bool(value, key)
    case "result": manifest.result = try members.word(value, key)
    case "dialect":
      do {
        manifest.dialect = try Dialect(value)
      } catch {
        throw members.wrong(error.key.isEmpty ? key : "\(key).\(error.key)", error.message)
      }
    case "check": manifest.check = try members.strings(value, key)
    case "stop":
      let name = try members.string(value, key)
      guard let signal = SignalName.number(name) else { throw members.wrong(key, "“\(name)” is no signal") }
      manifest.stop = signal
    case "final": manifest.final = try members.word(value, key)
    case "success_needs_exit": manifest.successNeedsExit = try members.bool(value, key)
    case "privileges": manifest.privileges = try members.word(value, key)
    default: throw members.wrong(key, "unknown key")
    }
  }

  private func finish() throws(PluginError) {
    guard !manifest.name.isEmpty else { throw members.wrong("name", "is required") }
    guard Manifest.isName(manifest.name) else {
      throw members.wrong("name", "“\(manifest.name)” is no plugin name: use a-z, 0-9, - and _")
    }
    guard manifest.name == folderName else {
      throw members.wrong("name", "“\(manifest.name)” lies in a folder called “\(folderName)”; they must be alike")
    }
    guard !manifest.version.isEmpty else { throw members.wrong("version", "is required") }
    guard !manifest.command.items.isEmpty else { throw members.wrong("command", "is required") }
    if manifest.result == .evidence {
      guard manifest.final == .first else {
        throw members.wrong("final", "has no meaning with “evidence”, of which the last always counts")
      }
      guard !manifest.successNeedsExit else {
        throw members.wrong("success_needs_exit", "has no meaning with “evidence”, where it always does")
      }
    } else if manifest.dialect.endsByItself {
      throw members.wrong("dialect", "has a rule with “done”, which has no meaning but with \"result\": \"evidence\"")
    }
  }

  // MARK: - Members

  private mutating func environment(_ value: JSON, _ key: String) throws(PluginError) {
    for member in try members.object(value, key) {
      let path = "\(key).\(member.key)"
      switch member.key {
      case "pass": manifest.environment.pass = try members.variables(member.value, path, globs: true)
      case "require": manifest.environment.require = try members.variables(member.value, path, globs: false)
      case "drop": manifest.environment.drop = try members.variables(member.value, path, globs: true)
      case "set":
        for variable in try members.object(member.value, path) {
          let name = "\(path).\(variable.key)"
          guard EnvironmentRules.isName(variable.key) else { throw members.wrong(name, "is no name of a variable") }
          manifest.environment.set.append((variable.key, try members.string(variable.value, name)))
        }
      default: throw members.wrong(path, "unknown key")
      }
    }
  }

  private func command(_ value: JSON, _ key: String) throws(PluginError) -> CommandTemplate {
    guard case .array(let elements) = value, !elements.isEmpty else {
      throw members.wrong(key, "must be a list of arguments, the program first")
    }
    var items: [CommandTemplate.Item] = []
    for (index, element) in elements.enumerated() {
      let path = "\(key)[\(index)]"
      if case .object = element {
        items.append(try optional(element, path))
      } else {
        items.append(.argument(try template(element, path)))
      }
    }
    guard case .argument(let program)? = items.first, program.placeholders.isEmpty else {
      throw members.wrong("\(key)[0]", "the program must be plain text")
    }
    let command = CommandTemplate(items: items)
    if command.takesPromptTwice {
      throw members.wrong(
        key, "{prompt} and {prompt_file} never both have a value: each belongs into an “if” of its own")
    }
    return command
  }

  private func optional(_ value: JSON, _ key: String) throws(PluginError) -> CommandTemplate.Item {
    var condition: Placeholder?
    var templates: [Template] = []
    for member in try members.object(value, key) {
      switch member.key {
      case "if":
        let name = try members.string(member.value, "\(key).if")
        condition = Placeholder(rawValue: name)
        if condition == nil { throw members.wrong("\(key).if", unknown(name)) }
      case "then":
        guard case .array(let elements) = member.value else { throw members.wrong("\(key).then", "must be a list") }
        for (index, element) in elements.enumerated() {
          templates.append(try template(element, "\(key).then[\(index)]"))
        }
      default: throw members.wrong("\(key).\(member.key)", "unknown key")
      }
    }
    guard let condition else { throw members.wrong("\(key).if", "is required") }
    return .optional(condition, templates)
  }

  private func template(_ value: JSON, _ key: String) throws(PluginError) -> Template {
    do {
      return try Template(try members.string(value, key))
    } catch let error as Template.UnknownPlaceholder {
      throw members.wrong(key, unknown(error.word))
    } catch let error as PluginError {
      throw error
    } catch {
      throw members.wrong(key, "\(error)")
    }
  }

  private func unknown(_ word: String) -> String {
    "there is no “{\(word)}”; there are \(Placeholder.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", "))"
  }
}
