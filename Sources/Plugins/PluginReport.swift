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
  /// Why it cannot be used; nil when it can.
  public let why: String?

  /// Looks at a plugin as a caller with this environment would use it. Starts nothing.
  public init(_ name: String, in catalog: Catalog, for directory: String? = nil, environment: [String: String]) {
    self.name = name
    do throws(PluginError) {
      let manifest = try catalog.plugin(name, for: directory)
      version = manifest.version
      description = manifest.description
      folder = manifest.folder
      why = Self.objection(to: manifest, environment)
    } catch {
      (version, description, folder, why) = ("", nil, "", error.message)
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
}
