internal import Kernel

/// What `reeve trust DIR` is about: one plugin's folder, or all that a project has.
public struct TrustRequest: Sendable {
  /// A plugin as it stands now.
  public struct Plugin: Sendable {
    /// Its name.
    public let name: String
    /// Its folder, without links.
    public let folder: String
    /// The digest over all its files.
    public let digest: String
    /// What it would run, with its placeholders: its command, to go on with a session, and to be checked.
    public let commands: [(key: String, words: [String])]
    /// The variables of the caller that it wants.
    public let passed: [String]
    /// The variables that it sets.
    public let set: [String]
    /// Whether its program may become another user.
    public let mayGainPrivileges: Bool
  }

  /// The plugins.
  public let plugins: [Plugin]

  /// Looks at everything of the plugins at a path. One that cannot be trusted is an error: nothing is trusted by half.
  public init(_ path: String) throws(PluginError) {
    let root: String
    do throws(SystemError) {
      root = try Directory.open(path, following: true).descriptor.realPath()
    } catch {
      throw Project.refusal(path, "\(path) cannot be looked at: \(error)")
    }
    let folders: [String]
    if Catalog.hasManifest(root) {
      folders = [root]
    } else {
      let place = root.hasSuffix("/\(Project.pluginsFolder)") ? root : "\(root)/\(Project.pluginsFolder)"
      folders = Catalog.names(in: place).map { "\(place)/\($0)" }
      guard !folders.isEmpty else {
        throw Project.refusal(root, "\(root) is no plugin's folder, and has no plugins in \(Project.pluginsFolder)")
      }
    }
    var plugins: [Plugin] = []
    for folder in folders { plugins.append(try Plugin(folder)) }
    self.plugins = plugins
  }

  /// What is to be recorded of them.
  public var entries: [TrustRecord.Entry] {
    plugins.map { TrustRecord.Entry(folder: $0.folder, digest: $0.digest) }
  }
}

extension TrustRequest.Plugin {
  fileprivate init(_ folder: String) throws(PluginError) {
    guard try Project.realFolder(folder) == folder else {
      throw Project.refusal(
        folder, "\(folder) is reached by a link; a project's plugin must lie where it is found to be trusted")
    }
    let seal = try PluginSeal(of: folder)
    let manifest = try Project.manifest(seal, folder)
    let placeholders = Dictionary(uniqueKeysWithValues: Placeholder.allCases.map { ($0, "{\($0.rawValue)}") })
    let resume = manifest.resume.flatMap { try? $0.filled(with: placeholders) }
    let commands = [
      ("command", try? manifest.command.filled(with: placeholders)), ("resume", resume), ("check", manifest.check),
    ]
    self.init(
      name: manifest.name, folder: folder, digest: seal.digest,
      commands: commands.compactMap { key, words in words.map { (key, $0) } },
      passed: manifest.environment.require + manifest.environment.pass,
      set: manifest.environment.set.map { "\($0.name)=\($0.value)" }, mayGainPrivileges: manifest.privileges == .mayGain
    )
  }
}

extension TrustRecord.Entry {
  /// How it stands with what was trusted.
  public enum Standing: String, Sendable {
    /// It is as it was.
    case trusted
    /// It is not, and is refused until it is trusted again.
    case changed
    /// It is not there.
    case gone
  }

  /// Looks at it.
  public var standing: Standing {
    guard Catalog.hasManifest(folder) else { return .gone }
    return (try? PluginSeal(of: folder))?.digest == digest ? .trusted : .changed
  }
}
