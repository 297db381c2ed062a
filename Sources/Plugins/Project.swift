internal import Kernel

/// The plugins that a project brings along, in `.reeve/plugins`. Nothing of them is run, or even understood, that the user
/// has not trusted: whoever opens a project has not thereby said that it may run programs.
struct Project {
  static let pluginsFolder = ".reeve/plugins"

  /// Where its plugins lie, without links.
  let place: String

  /// The nearest project that a directory lies in; nil when it lies in none.
  init?(around directory: String) {
    guard let real = try? Directory.open(directory, following: true).descriptor.realPath() else { return nil }
    var ancestor = real == "/" ? "" : real
    while true {
      let place = "\(ancestor)/\(Self.pluginsFolder)"
      if (try? FileStatus.at(place))??.isDirectory == true {
        self.place = place
        return
      }
      guard let slash = ancestor.lastIndex(of: "/") else { return nil }
      ancestor = String(ancestor[..<slash])
    }
  }

  /// The plugin of this name, if it is there and the user has trusted it as it is.
  func plugin(_ name: String, state: String) throws(PluginError) -> Manifest? {
    let folder = "\(place)/\(name)"
    guard (try? FileStatus.ofLink(at: "\(folder)/\(Manifest.fileName)")) ?? nil != nil else { return nil }
    guard try Self.realFolder(folder) == folder else {
      throw Self.refusal(
        folder, "\(folder) is reached by a link; a project's plugin must lie where it is found to be trusted")
    }
    guard let trusted = try TrustRecord.read(in: state).digest(of: folder) else {
      throw Self.refusal(
        folder,
        "nobody has trusted the plugin “\(name)”; look at what it does, then run: reeve trust \(folder.shellWord)")
    }
    let seal = try PluginSeal(of: folder)
    guard seal.digest == trusted else {
      throw Self.refusal(
        folder,
        "the plugin “\(name)” has changed since it was trusted; look at what it does now, then run: reeve trust \(folder.shellWord)"
      )
    }
    return try Self.manifest(seal, folder)
  }

  /// What a sealed manifest says. Its programs are sealed with it, or named by an absolute path or found in PATH as those of
  /// any plugin are: what lies elsewhere in the project could be changed without anybody noticing.
  static func manifest(_ seal: PluginSeal, _ folder: String) throws(PluginError) -> Manifest {
    var manifest = try ManifestReader.read(seal.manifest, folder: folder)
    manifest.seal = seal.digest
    let programs = [manifest.command.program, manifest.resume?.program, manifest.check?.first]
    for program in programs.compactMap({ $0 }) where !program.hasPrefix("/") {
      guard !program.split(separator: "/").contains("..") else {
        throw refusal(folder, "\(folder) cannot be trusted: its program “\(program)” lies outside of it")
      }
    }
    return manifest
  }

  /// Where a plugin's folder really lies, if nobody else can change it.
  static func realFolder(_ folder: String) throws(PluginError) -> String {
    guard let real = try Tamperproof.check(folder) else {
      throw refusal(folder, "there is no \(folder)")
    }
    return real
  }

  static func refusal(_ folder: String, _ what: String) -> PluginError {
    var error = PluginError(.untrusted, what)
    error.file = folder
    return error
  }

  /// The names of its plugins, trusted or not.
  var names: [String] { Catalog.names(in: place) }
}
