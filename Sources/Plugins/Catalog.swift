internal import Glibc
public import Kernel

/// The plugins that can be found: folders of folders, each with a `plugin.json`; last, what a project brings along.
public struct Catalog: Sendable {
  /// The places, the first that has a name decides.
  public let places: [PluginPlace]
  /// The state folder, in which it stands what of projects was trusted.
  let state: String

  /// What a catalogue looks like from the environment: `REEVE_PLUGINS` names the places outright; otherwise they
  /// are the user's own, the system's, and those that came with the program.
  public init(environment: [String: String], program: String, account: Account, state: String) {
    self.state = state
    if let list = environment["REEVE_PLUGINS"] {
      places = list.split(separator: ":").map { PluginPlace(path: String($0), kind: .named) }
      return
    }
    // As for the state folder: what is no absolute path counts as not set.
    func folder(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
    let configuration = folder("XDG_CONFIG_HOME") ?? "\(folder("HOME") ?? account.home)/.config"
    places =
      [
        PluginPlace(path: "\(configuration)/reeve/plugins", kind: .user),
        PluginPlace(path: "/etc/reeve/plugins", kind: .system),
      ] + Self.bundled(program: program).map { PluginPlace(path: $0, kind: .bundled) }
  }

  /// Where the bundled plugins lie: beside an installed program, or in the checkout it was built in.
  private static func bundled(program: String) -> [String] {
    let parts = program.split(separator: "/")
    var places: [String] = []
    if parts.count >= 2 { places.append("/" + parts.dropLast(2).joined(separator: "/") + "/share/reeve/plugins") }
    if let build = parts.lastIndex(of: ".build") {
      places.append("/" + parts[..<build].joined(separator: "/") + "/plugins/agents")
    }
    return places
  }

  /// The plugin of this name, for a run that works in this directory: a project that it lies in may have plugins of its
  /// own, which never take the name of another. Those are read to the last byte, so this may take a while.
  public func plugin(_ name: String, for directory: String? = nil) throws(PluginError) -> Manifest {
    if let manifest = try installed(name) { return manifest }
    let project = directory.flatMap { Project(around: $0) }
    if Manifest.isName(name), let manifest = try project?.plugin(name, state: state) { return manifest }
    let known = names(for: directory)
    let near = known.filter { isNear($0, name) }
    var message = "there is no plugin “\(name)”"
    if !near.isEmpty {
      message += "; did you mean \(near.map { "“\($0)”" }.joined(separator: " or "))?"
    } else if known.isEmpty {
      message += "; no plugins were found in \(placeNames)"
    } else {
      message += "; there are \(known.joined(separator: ", "))"
    }
    var error = PluginError(.notFound, message)
    error.names = near
    throw error
  }

  /// The plugin of this name that is nobody's project's; nil when there is none. Some folders and one file are looked at.
  public func installed(_ name: String) throws(PluginError) -> Manifest? {
    var known: [String: Installed] = [:]
    return try installed(name, &known)
  }

  /// The same for who asks often: what a manifest that has not changed means is known. What its file says, and who could
  /// change it, is looked at every time.
  public func installed(_ name: String, _ known: inout [String: Installed]) throws(PluginError) -> Manifest? {
    guard Manifest.isName(name) else { return nil }
    for place in places {
      let folder = "\(place.path)/\(name)"
      guard let bytes = try read(folder) else { continue }
      if let installed = known[folder], installed.bytes == bytes { return installed.manifest }
      let manifest = try ManifestReader.read(bytes, folder: folder)
      known[folder] = Installed(bytes: bytes, manifest: manifest)
      return manifest
    }
    return nil
  }

  /// The names of all plugins, in order; with a directory, those of its project too, whether they are trusted or not.
  public func names(for directory: String? = nil) -> [String] {
    let project = directory.flatMap { Project(around: $0) }?.names ?? []
    return Set(places.flatMap { Self.names(in: $0.path) } + project).sorted()
  }

  /// The names of the plugins in a place.
  static func names(in place: String) -> [String] {
    guard let directory = try? Directory.open(place, following: true), let entries = try? directory.entries() else {
      return []
    }
    return entries.filter { Manifest.isName($0) && hasManifest("\(place)/\($0)") }.sorted()
  }

  static func hasManifest(_ folder: String) -> Bool { access("\(folder)/\(Manifest.fileName)", F_OK) == 0 }

  /// Where plugins are looked for, for people.
  public var placeNames: String { places.map(\.path).joined(separator: ", ") }

  /// A manifest larger than this is a mistake.
  static let largestManifest = 1 << 20

  /// The manifest in a folder, if neither can be changed by others; nil when there is none.
  func read(_ folder: String) throws(PluginError) -> [UInt8]? {
    // What has no manifest is no plugin, whoever could write to it.
    guard Self.hasManifest(folder) || (errno != ENOENT && errno != ENOTDIR) else { return nil }
    guard let place = try Tamperproof.check(folder), let real = try Tamperproof.check(Manifest.fileName, in: place)
    else { return nil }
    let path = "\(folder)/\(Manifest.fileName)"
    do throws(SystemError) {
      // Not blocking: to open a FIFO would wait for its writer.
      let file = try Descriptor.open(real, flags: O_RDONLY | O_NONBLOCK | O_NOFOLLOW)
      guard try file.status().isRegular else { throw SystemError(call: "open", code: EINVAL, detail: "is no file") }
      guard let bytes = try file.readAll(limit: Self.largestManifest) else {
        throw SystemError(call: "read", code: EFBIG)
      }
      return bytes
    } catch {
      var problem = PluginError(.badManifest, "\(path) cannot be read: \(error)")
      problem.file = path
      throw problem
    }
  }
}

/// A manifest, and what it was read from.
public struct Installed: Sendable {
  let bytes: [UInt8]
  let manifest: Manifest
}

/// Whether a person may have meant this name: one slip of the finger in a short word, two in a long one.
private func isNear(_ name: String, _ typed: String) -> Bool {
  let allowed = max(name.count, typed.count) <= 4 ? 1 : 2
  if name.hasPrefix(typed) { return true }
  // What is too long anyway is not compared: a client may send megabytes.
  return abs(name.count - typed.count) <= allowed && distance(Array(name), Array(typed)) <= allowed
}

/// How many characters must be inserted, removed, replaced or swapped with their neighbour.
private func distance(_ a: [Character], _ b: [Character]) -> Int {
  var rows = [Array(0...b.count)]
  for i in a.indices {
    var row = [i + 1]
    for j in b.indices {
      var best = min(row[j] + 1, rows[i][j + 1] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
      row.append(best)
    }
    rows.append(row)
  }
  return rows[a.count][b.count]
}
