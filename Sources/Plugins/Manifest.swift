public import Dialects
public import Model

/// What a `plugin.json` says.
public struct Manifest: Sendable {
  /// Which final word counts when there are several.
  public enum Final: String, CaseIterable, Sendable {
    /// The first.
    case first
    /// The last.
    case last
  }

  /// Whether its program may become another user.
  public enum Privileges: String, CaseIterable, Sendable {
    /// It may not.
    case none
    /// It may: it needs sudo or a setuid sandbox.
    case mayGain = "may_gain"
  }

  /// The name it is called by, and that of its folder.
  public internal(set) var name = ""
  /// Its version, for people.
  public internal(set) var version = ""
  /// What it is, in one line.
  public internal(set) var description: String?
  /// The folder that its manifest lies in.
  public let folder: String
  /// The digest over all of its folder, where that is what the user has trusted; nil of a plugin that is no project's.
  public internal(set) var seal: String?
  var command = CommandTemplate(items: [])
  var resume: CommandTemplate?
  /// What a new session is to be called, where the agent lets its caller choose.
  var session: Template?
  var environment = EnvironmentRules()
  /// The limits it sets, as text, already found to be good.
  public internal(set) var limits: [(name: String, text: String)] = []
  /// Whether it changes files in the directory it works in.
  public internal(set) var writes = false
  /// What tells how a run went.
  public internal(set) var result = Basis.word
  /// How the lines of its agent are read.
  public internal(set) var dialect = Dialect.native
  /// The command that proves it is there.
  public internal(set) var check: [String]?
  /// The signal that asks it to stop.
  public internal(set) var stop: Int32 = 15
  /// Which final word counts.
  public internal(set) var final = Final.first
  /// Whether success counts only together with exit code 0.
  public internal(set) var successNeedsExit = false
  /// Whether its program may become another user.
  public internal(set) var privileges = Privileges.none

  init(folder: String) { self.folder = folder }

  /// Which variables its program would get of a caller's, where the user's configuration passes on what `granted` says.
  public func preview(of environment: [String: String], granted: [String] = []) -> EnvironmentPreview {
    self.environment.preview(of: environment, granted: granted)
  }

  /// Whether it says itself what a variable is.
  public func sets(_ variable: String) -> Bool { environment.set.contains { $0.name == variable } }

  /// The same plugin, called by the command that proves it is there; nil without one. Such a run needs no key to anything
  /// and changes nothing, and its exit code tells how it went.
  public var probe: Manifest? {
    guard let check, !check.isEmpty else { return nil }
    var probe = self
    probe.command = CommandTemplate(items: check.map { .argument(Template(literal: $0)) })
    probe.resume = nil
    probe.environment.pass += probe.environment.require
    probe.environment.require = []
    probe.limits = []
    probe.writes = false
    probe.result = .exit
    return probe
  }

  /// What a request asks for of it: itself, or its probe.
  public func serving(_ request: RunRequest) throws(PluginError) -> Manifest {
    guard request.isProbe else { return self }
    guard let probe else { throw PluginError(.badRequest, "the plugin “\(name)” names no “check”") }
    return probe
  }

  /// Its program, as it is named.
  public var program: String? { command.program }

  /// Whether it can go on with a session.
  public var resumes: Bool { resume != nil }

  /// Where the manifest lies.
  public var file: String { "\(folder)/\(Manifest.fileName)" }

  /// What a manifest's file is called.
  public static let fileName = "plugin.json"

  /// Whether this may be the name of a plugin: it is used as a file name and typed by people.
  public static func isName(_ text: String) -> Bool {
    // By bytes: strings are ordered by their alphabet, in which much lies between a and z.
    func isWordByte(_ byte: UInt8) -> Bool {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    guard let first = text.utf8.first, isWordByte(first) else { return false }
    return text.utf8.count <= 64
      && text.utf8.allSatisfy { isWordByte($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
  }
}
