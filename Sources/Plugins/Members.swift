internal import Model
internal import Wire

/// Reads the members of a JSON file that people write; what is wrong is said with the file and the member's name.
struct Members {
  let file: String
  let code: PluginError.Code

  func parse(_ bytes: [UInt8]) throws(PluginError) -> JSON {
    do {
      return try JSON.parse(bytes)
    } catch {
      var problem = PluginError(code, "\(file):\(error.line):\(error.column): \(error.message)")
      problem.file = file
      throw problem
    }
  }

  func string(_ value: JSON, _ key: String) throws(PluginError) -> String {
    guard case .string(let string) = value else { throw wrong(key, "must be a string") }
    // No path, argument or variable can hold one: it would end there.
    guard !string.utf8.contains(0) else { throw wrong(key, "must not hold a NUL character") }
    return string
  }

  func strings(_ value: JSON, _ key: String) throws(PluginError) -> [String] {
    guard case .array(let elements) = value else { throw wrong(key, "must be a list of strings") }
    var strings: [String] = []
    for (index, element) in elements.enumerated() { strings.append(try string(element, "\(key)[\(index)]")) }
    return strings
  }

  /// Names of variables; with `globs`, beginnings of names as well.
  func variables(_ value: JSON, _ key: String, globs: Bool) throws(PluginError) -> [String] {
    let names = try strings(value, key)
    for name in names {
      let stem = globs && name.hasSuffix("*") ? String(name.dropLast()) : name
      guard EnvironmentRules.isName(stem) else { throw wrong(key, "“\(name)” is no name of a variable") }
    }
    return names
  }

  func bool(_ value: JSON, _ key: String) throws(PluginError) -> Bool {
    guard case .bool(let bool) = value else { throw wrong(key, "must be true or false") }
    return bool
  }

  func object(_ value: JSON, _ key: String) throws(PluginError) -> [(key: String, value: JSON)] {
    guard case .object(let object) = value else { throw wrong(key, "must be an object") }
    return object.members
  }

  func word<Word: RawRepresentable<String> & CaseIterable>(
    _ value: JSON, _ key: String
  ) throws(PluginError) -> Word {
    let text = try string(value, key)
    guard let word = Word(rawValue: text) else {
      let known = Word.allCases.map { "“\($0.rawValue)”" }.joined(separator: ", ")
      throw wrong(key, "“\(text)” is none of \(known)")
    }
    return word
  }

  /// A number of things, at least one; nil for “none”.
  func count(_ value: JSON, _ key: String) throws(PluginError) -> Int? {
    switch value {
    case .string("none"): return nil
    case .integer(let number) where number > 0: return Int(number)
    default: throw wrong(key, "must be a whole number above 0, or “none”")
    }
  }

  /// A length of time; nil for “none”.
  func span(_ value: JSON, _ key: String) throws(PluginError) -> TimeSpan? {
    try measure(value, key, .time, "a number and a unit like 90s, 10m or 14d").map { TimeSpan(nanoseconds: $0) }
  }

  /// A number of bytes; nil for “none”.
  func bytes(_ value: JSON, _ key: String) throws(PluginError) -> Int64? {
    try measure(value, key, .bytes, "a number and a unit like 512MiB or 10GiB")
  }

  private func measure(
    _ value: JSON, _ key: String, _ unit: LimitName.Unit, _ hint: String
  ) throws(PluginError) -> Int64? {
    let text = try string(value, key)
    if text == "none" { return nil }
    guard let value = LimitText.value(text, unit: unit) else { throw wrong(key, "“\(text)” should be \(hint)") }
    return value
  }

  /// Limits by name, as text, each found to be good.
  func limits(_ value: JSON, _ key: String) throws(PluginError) -> [(name: String, text: String)] {
    var found: [(name: String, text: String)] = []
    for member in try object(value, key) {
      let text: String
      switch member.value {
      case .string(let string): text = string
      case .integer(let number): text = String(number)
      case .number(let number): text = LimitText.decimal(number)
      case .null, .bool, .array, .object, .raw: throw wrong("\(key).\(member.key)", "must be text like “10m”")
      }
      do {
        var limits = Limits()
        try limits.assign(member.key, text, from: .default)
      } catch {
        throw wrong("\(key).\(member.key)", error.description)
      }
      found.append((member.key, text))
    }
    return found
  }

  func wrong(_ key: String, _ what: String) -> PluginError {
    var error = PluginError(code, "\(file): \(key.isEmpty ? "" : "“\(key)”: ")\(what)")
    error.file = file
    error.key = key.isEmpty ? nil : key
    return error
  }
}
