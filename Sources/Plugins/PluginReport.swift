internal import Glibc
public import Wire

/// How it stands with a plugin, for whoever chooses one.
public struct PluginReport: Sendable {
  /// Its name.
  public let name: String
  /// Its version; empty when its manifest cannot be read.
  public let version: String
  /// What it is, in one line.
  public let description: String?
  /// The folder that it lies in; empty when it was not found.
  public let folder: String
  /// Who put it there; nil when it was not found.
  public let place: PluginPlace.Kind?
  /// Why it cannot be used; nil when it can.
  public let why: String?
  /// Those of the same name in later places, which it hides.
  public let hides: [Hidden]

  /// A plugin that cannot be called because one of its name comes before it.
  public struct Hidden: Sendable {
    /// The folder that it lies in.
    public let folder: String
    /// Who put it there.
    public let place: PluginPlace.Kind
    /// Its version; empty when its manifest cannot be read.
    public let version: String
  }

  /// Looks at a plugin as a caller with this environment would use it in this directory. Starts nothing.
  public init(
    _ name: String, in catalog: Catalog, for directory: String? = nil, environment: [String: String]
  ) {
    self.name = name
    let found = catalog.places(of: name, for: directory)
    place = found.first?.kind
    hides = found.dropFirst().map { place in
      Hidden(folder: "\(place.path)/\(name)", place: place.kind, version: catalog.version(of: name, in: place))
    }
    do throws(PluginError) {
      let manifest = try catalog.plugin(name, for: directory)
      version = manifest.version
      description = manifest.description
      folder = manifest.folder
      why = Self.objection(to: manifest, environment).map { SecretMask(environment: environment).masked($0) }
    } catch {
      (version, description, folder, why) = (
        "", nil, found.first.map { "\($0.path)/\(name)" } ?? "",
        SecretMask(environment: environment).masked(error.message)
      )
    }
  }

  private static func objection(to manifest: Manifest, _ environment: [String: String]) -> String? {
    do throws(PluginError) {
      try Preparation.checkProgram(of: manifest, path: environment["PATH"])
    } catch {
      return error.brief ?? error.message
    }
    // What the user's configuration passes on cannot make up for what is not there.
    let missing = manifest.preview(of: environment).missing
    return missing.isEmpty ? nil : "it requires \(missing.joined(separator: ", ")) in the environment"
  }

  /// As `--json` and the protocol show it.
  public var json: JSON {
    [
      "name": .string(name), "version": .string(version), "description": description.map { .string($0) } ?? .null,
      "folder": .string(folder), "place": place.map { .string($0.rawValue) } ?? .null, "usable": .bool(why == nil),
      "why": why.map { .string($0) } ?? .null,
      "hides": .array(
        hides.map {
          ["folder": .string($0.folder), "place": .string($0.place.rawValue), "version": .string($0.version)]
        }),
    ]
  }
}

extension Catalog {
  /// The places that have a plugin of this name, in their order.
  fileprivate func places(of name: String, for directory: String?) -> [PluginPlace] {
    guard Manifest.isName(name) else { return [] }
    let project = directory.flatMap { Project(around: $0) }.map { PluginPlace(path: $0.place, kind: .project) }
    return (places + [project].compactMap { $0 }).filter { Self.hasManifest("\($0.path)/\(name)") }
  }

  /// The version that a plugin has in a place; empty when its manifest cannot be read, or is not to be.
  fileprivate func version(of name: String, in place: PluginPlace) -> String {
    let folder = "\(place.path)/\(name)"
    guard place.kind != .project, let bytes = (try? read(folder)) ?? nil else { return "" }
    return (try? ManifestReader.read(bytes, folder: folder))?.version ?? ""
  }

  /// How it stands with every plugin that can be found from a directory, in the order of their names.
  public func reports(for directory: String?, environment: [String: String]) -> [PluginReport] {
    names(for: directory).map { PluginReport($0, in: self, for: directory, environment: environment) }
  }
}
