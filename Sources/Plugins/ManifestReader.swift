internal import Model
internal import Wire

/// Reads a manifest, member by member; what it does not know is an error that names it.
struct ManifestReader {
  private var manifest: Manifest
  /// The name of the folder it lies in, which must be its own.
  private let folderName: String

  static func read(_ bytes: [UInt8], folder: String) throws(PluginError) -> Manifest {
    var reader = ManifestReader(
      manifest: Manifest(folder: folder), folderName: folder.split(separator: "/").last.map { String($0) } ?? "")
    let document: JSON
    do {
      document = try JSON.parse(bytes)
    } catch {
      var problem = PluginError(
        .badManifest, "\(reader.manifest.file):\(error.line):\(error.column): \(error.message)")
      problem.file = reader.manifest.file
      throw problem
    }
    guard case .object(let members) = document else { throw reader.wrong("", "a manifest is a JSON object") }
    for member in members.members { try reader.take(member.key, member.value) }
    try reader.finish()
    return reader.manifest
  }

  private mutating func take(_ key: String, _ value: JSON) throws(PluginError) {
    switch key {
    case "name": manifest.name = try string(value, key)
    case "version": manifest.version = try string(value, key)
    case "description": manifest.description = try string(value, key)
    case "command": manifest.command = try command(value, key)
    case "resume": manifest.resume = try command(value, key)
    case "env": try environment(value, key)
    case "limits": try limits(value, key)
    case "writes": manifest.writes = try bool(value, key)
    case "result": manifest.result = try word(value, key)
    case "dialect":
      guard try string(value, key) == "native" else {
        throw wrong(key, "“native” is the only dialect that this version knows")
      }
    case "check": manifest.check = try strings(value, key)
    case "stop":
      let name = try string(value, key)
      guard let signal = SignalName.number(name) else { throw wrong(key, "“\(name)” is no signal") }
      manifest.stop = signal
    case "final": manifest.final = try word(value, key)
    case "success_needs_exit": manifest.successNeedsExit = try bool(value, key)
    case "privileges": manifest.privileges = try word(value, key)
    default: throw wrong(key, "unknown key")
    }
  }

  private func finish() throws(PluginError) {
    guard !manifest.name.isEmpty else { throw wrong("name", "is required") }
    guard Manifest.isName(manifest.name) else {
      throw wrong("name", "“\(manifest.name)” is no plugin name: use a-z, 0-9, - and _")
    }
    guard manifest.name == folderName else {
      throw wrong("name", "“\(manifest.name)” lies in a folder called “\(folderName)”; they must be alike")
    }
    guard !manifest.version.isEmpty else { throw wrong("version", "is required") }
    guard !manifest.command.items.isEmpty else { throw wrong("command", "is required") }
  }

  // MARK: - Members

  private mutating func environment(_ value: JSON, _ key: String) throws(PluginError) {
    for member in try object(value, key) {
      let path = "\(key).\(member.key)"
      switch member.key {
      case "pass": manifest.environment.pass = try names(member.value, path, globs: true)
      case "require": manifest.environment.require = try names(member.value, path, globs: false)
      case "drop": manifest.environment.drop = try names(member.value, path, globs: true)
      case "set":
        for variable in try object(member.value, path) {
          let name = "\(path).\(variable.key)"
          guard EnvironmentRules.isName(variable.key) else { throw wrong(name, "is no name of a variable") }
          manifest.environment.set.append((variable.key, try string(variable.value, name)))
        }
      default: throw wrong(path, "unknown key")
      }
    }
  }

  private func names(_ value: JSON, _ key: String, globs: Bool) throws(PluginError) -> [String] {
    let names = try strings(value, key)
    for name in names {
      let stem = globs && name.hasSuffix("*") ? String(name.dropLast()) : name
      guard EnvironmentRules.isName(stem) else { throw wrong(key, "“\(name)” is no name of a variable") }
    }
    return names
  }

  private mutating func limits(_ value: JSON, _ key: String) throws(PluginError) {
    for member in try object(value, key) {
      let text: String
      switch member.value {
      case .string(let string): text = string
      case .integer(let number): text = String(number)
      case .number(let number): text = String(number)
      case .null, .bool, .array, .object, .raw: throw wrong("\(key).\(member.key)", "must be text like “10m”")
      }
      do {
        var limits = Limits()
        try limits.assign(member.key, text, from: .plugin)
      } catch {
        throw wrong("\(key).\(member.key)", error.description)
      }
      manifest.limits.append((member.key, text))
    }
  }

  private func command(_ value: JSON, _ key: String) throws(PluginError) -> CommandTemplate {
    guard case .array(let elements) = value, !elements.isEmpty else {
      throw wrong(key, "must be a list of arguments, the program first")
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
      throw wrong("\(key)[0]", "the program must be plain text")
    }
    return CommandTemplate(items: items)
  }

  private func optional(_ value: JSON, _ key: String) throws(PluginError) -> CommandTemplate.Item {
    var condition: Placeholder?
    var templates: [Template] = []
    for member in try object(value, key) {
      switch member.key {
      case "if":
        let name = try string(member.value, "\(key).if")
        condition = Placeholder(rawValue: name)
        if condition == nil { throw wrong("\(key).if", unknown(name)) }
      case "then":
        guard case .array(let elements) = member.value else { throw wrong("\(key).then", "must be a list") }
        for (index, element) in elements.enumerated() {
          templates.append(try template(element, "\(key).then[\(index)]"))
        }
      default: throw wrong("\(key).\(member.key)", "unknown key")
      }
    }
    guard let condition else { throw wrong("\(key).if", "is required") }
    return .optional(condition, templates)
  }

  private func template(_ value: JSON, _ key: String) throws(PluginError) -> Template {
    do {
      return try Template(try string(value, key))
    } catch let error as Template.UnknownPlaceholder {
      throw wrong(key, unknown(error.word))
    } catch let error as PluginError {
      throw error
    } catch {
      throw wrong(key, "\(error)")
    }
  }

  private func unknown(_ word: String) -> String {
    "there is no “{\(word)}”; there are \(Placeholder.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", "))"
  }

  // MARK: - Values

  private func string(_ value: JSON, _ key: String) throws(PluginError) -> String {
    guard case .string(let string) = value else { throw wrong(key, "must be a string") }
    return string
  }

  private func strings(_ value: JSON, _ key: String) throws(PluginError) -> [String] {
    guard case .array(let elements) = value else { throw wrong(key, "must be a list of strings") }
    var strings: [String] = []
    for (index, element) in elements.enumerated() { strings.append(try string(element, "\(key)[\(index)]")) }
    return strings
  }

  private func bool(_ value: JSON, _ key: String) throws(PluginError) -> Bool {
    guard case .bool(let bool) = value else { throw wrong(key, "must be true or false") }
    return bool
  }

  private func object(_ value: JSON, _ key: String) throws(PluginError) -> [(key: String, value: JSON)] {
    guard case .object(let object) = value else { throw wrong(key, "must be an object") }
    return object.members
  }

  private func word<Word: RawRepresentable<String> & CaseIterable>(
    _ value: JSON, _ key: String
  ) throws(PluginError) -> Word {
    let text = try string(value, key)
    guard let word = Word(rawValue: text) else {
      let known = Word.allCases.map { "“\($0.rawValue)”" }.joined(separator: ", ")
      throw wrong(key, "“\(text)” is none of \(known)")
    }
    return word
  }

  private func wrong(_ key: String, _ what: String) -> PluginError {
    var error = PluginError(.badManifest, "\(manifest.file): \(key.isEmpty ? "" : "“\(key)”: ")\(what)")
    error.file = manifest.file
    error.key = key.isEmpty ? nil : key
    return error
  }
}
