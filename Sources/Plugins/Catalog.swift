internal import Glibc
public import Kernel

/// The plugins that can be found: folders of folders, each with a `plugin.json`.
public struct Catalog: Sendable {
  /// The places, the first that has a name decides.
  public let places: [String]

  /// What a catalogue looks like from the environment: `REEVE_PLUGINS` names the places outright; otherwise they
  /// are the user's own, the system's, and those that came with the program.
  public init(environment: [String: String], program: String, account: Account) {
    if let list = environment["REEVE_PLUGINS"] {
      places = list.split(separator: ":").map { String($0) }
      return
    }
    // As for the state folder: what is no absolute path counts as not set.
    func folder(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
    let configuration = folder("XDG_CONFIG_HOME") ?? "\(folder("HOME") ?? account.home)/.config"
    places = ["\(configuration)/reeve/plugins", "/etc/reeve/plugins"] + Self.bundled(program: program)
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

  /// The plugin of this name.
  public func plugin(_ name: String) throws(PluginError) -> Manifest {
    if Manifest.isName(name) {
      for place in places {
        let folder = "\(place)/\(name)"
        guard let bytes = try read("\(folder)/\(Manifest.fileName)") else { continue }
        return try ManifestReader.read(bytes, folder: folder)
      }
    }
    let known = names()
    let near = known.filter { isNear($0, name) }
    var message = "there is no plugin “\(name)”"
    if !near.isEmpty {
      message += "; did you mean \(near.map { "“\($0)”" }.joined(separator: " or "))?"
    } else if known.isEmpty {
      message += "; no plugins were found in \(places.joined(separator: ", "))"
    } else {
      message += "; there are \(known.joined(separator: ", "))"
    }
    var error = PluginError(.notFound, message)
    error.names = near
    throw error
  }

  /// The manifest that a request asks for.
  public func manifest(for request: RunRequest) throws(PluginError) -> Manifest {
    let manifest = try plugin(request.plugin)
    guard request.isProbe else { return manifest }
    guard let probe = manifest.probe else {
      throw PluginError(.badRequest, "the plugin “\(manifest.name)” names no “check”")
    }
    return probe
  }

  /// The names of all plugins, in order.
  public func names() -> [String] {
    var names: Set<String> = []
    for place in places {
      guard let directory = try? Directory.open(place, following: true), let entries = try? directory.entries() else {
        continue
      }
      for entry in entries where Manifest.isName(entry) && access("\(place)/\(entry)/\(Manifest.fileName)", F_OK) == 0 {
        names.insert(entry)
      }
    }
    return names.sorted()
  }

  /// A manifest larger than this is a mistake.
  private static let largestManifest = 1 << 20

  func read(_ path: String) throws(PluginError) -> [UInt8]? {
    do throws(SystemError) {
      // Not blocking: to open a FIFO would wait for its writer.
      let file = try Descriptor.open(path, flags: O_RDONLY | O_NONBLOCK)
      guard try file.status().isRegular else { throw SystemError(call: "open", code: EINVAL, detail: "is no file") }
      guard let bytes = try file.readAll(limit: Self.largestManifest) else {
        throw SystemError(call: "read", code: EFBIG)
      }
      return bytes
    } catch {
      if error.code == ENOENT || error.code == ENOTDIR { return nil }
      var problem = PluginError(.badManifest, "\(path) cannot be read: \(error)")
      problem.file = path
      throw problem
    }
  }
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
