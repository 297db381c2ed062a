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
  public let place: PlaceKind?
  /// Why it cannot be used; nil when it can.
  public let why: String?
  /// Those of the same name in later places, which it hides.
  public let hides: [Hidden]

  /// A plugin that cannot be called because one of its name comes before it.
  public struct Hidden: Sendable {
    /// The folder that it lies in.
    public let folder: String
    /// Who put it there.
    public let place: PlaceKind
    /// Its version; empty when its manifest cannot be read.
    public let version: String
  }

  /// Looks at a plugin as a caller with this environment would use it. Starts nothing.
  public init(_ name: String, in catalog: Catalog, environment: [String: String]) {
    self.name = name
    let found = catalog.places.filter { catalog.has(name, in: $0) }
    place = found.first.map { PlaceKind(of: $0, environment: environment) }
    hides = found.dropFirst().map { place in
      let folder = "\(place)/\(name)"
      let manifest = try? catalog.read("\(folder)/\(Manifest.fileName)").map {
        try ManifestReader.read($0, folder: folder)
      }
      return Hidden(
        folder: folder, place: PlaceKind(of: place, environment: environment), version: manifest?.version ?? "")
    }
    do throws(PluginError) {
      let manifest = try catalog.plugin(name)
      version = manifest.version
      description = manifest.description
      folder = manifest.folder
      why = Self.objection(to: manifest, environment)
    } catch {
      (version, description, folder, why) = ("", nil, found.first.map { "\($0)/\(name)" } ?? "", error.message)
    }
  }

  private static func objection(to manifest: Manifest, _ environment: [String: String]) -> String? {
    do throws(PluginError) {
      try Preparation.checkProgram(of: manifest, path: environment["PATH"])
    } catch {
      return error.message
    }
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
  /// Whether a place has a plugin of this name.
  func has(_ name: String, in place: String) -> Bool {
    Manifest.isName(name) && access("\(place)/\(name)/\(Manifest.fileName)", F_OK) == 0
  }

  /// How it stands with every plugin there is, in the order of their names.
  public func reports(environment: [String: String]) -> [PluginReport] {
    names().map { PluginReport($0, in: self, environment: environment) }
  }
}
