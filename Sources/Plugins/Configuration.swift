internal import Glibc
public import Kernel
public import Model
internal import Wire

/// What the user's `config.json` says. What it does not say has its default; what is not known is an error that names it.
public struct Configuration: Sendable {
  /// How many runs one host has at a time; nil is any number.
  public private(set) var maxRunning: Int? = 16
  /// How many runs of each plugin.
  public private(set) var maxRunningByPlugin: [String: Int] = [:]
  /// How many may wait; more is a mistake somewhere.
  public private(set) var maxWaiting = 10_000
  /// The user's limits, as text, already found to be good.
  public private(set) var limits: [(name: String, text: String)] = []
  /// How long a host that is told to end lets its runs work on.
  public private(set) var drain = TimeSpan.zero
  /// How long, and how much, is kept.
  public private(set) var retention = Retention()
  private var granted: [String] = []
  private var grantedByPlugin: [String: [String]] = [:]

  /// The variables that the user passes on to this plugin's program: names, and beginnings of names.
  public func granted(to plugin: String) -> [String] { granted + (grantedByPlugin[plugin] ?? []) }

  /// What is kept of runs that are over and buried.
  public struct Retention: Hashable, Sendable {
    /// How long a run is remembered; nil is for ever.
    public var rows: TimeSpan? = .seconds(90 * 86_400)
    /// How long its files are kept.
    public var files: TimeSpan? = .seconds(14 * 86_400)
    /// How many bytes all files may take, the oldest going first.
    public var bytes: Int64? = 10 << 30

    /// The defaults.
    public init() {}
  }

  /// The defaults.
  public init() {}

  /// Where it lies: `REEVE_CONFIG`, else in the XDG folder.
  public static func path(environment: [String: String], account: Account) -> String {
    if let path = environment["REEVE_CONFIG"], !path.isEmpty { return path }
    func folder(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
    return "\(folder("XDG_CONFIG_HOME") ?? "\(folder("HOME") ?? account.home)/.config")/reeve/config.json"
  }

  /// Reads the file at this path; the defaults when there is none.
  public static func read(path: String) throws(PluginError) -> Configuration {
    let bytes: [UInt8]?
    do throws(SystemError) {
      let file = try Descriptor.open(path, flags: O_RDONLY | O_NONBLOCK)
      guard try file.status().isRegular else { throw SystemError(call: "open", code: EINVAL, detail: "is no file") }
      bytes = try file.readAll(limit: largest)
    } catch {
      if error.code == ENOENT || error.code == ENOTDIR { return Configuration() }
      throw PluginError(.badConfiguration, "\(path) cannot be read: \(error)")
    }
    guard let bytes else { throw PluginError(.badConfiguration, "\(path) is larger than a configuration can be") }
    var configuration = Configuration()
    let members = Members(file: path, code: .badConfiguration)
    guard case .object(let object) = try members.parse(bytes) else {
      throw members.wrong("", "a configuration is a JSON object")
    }
    for member in object.members { try configuration.take(member.key, member.value, members) }
    return configuration
  }

  /// A larger file is a mistake.
  private static let largest = 1 << 20

  private mutating func take(_ key: String, _ value: JSON, _ members: Members) throws(PluginError) {
    switch key {
    case "max_running": maxRunning = try members.count(value, key)
    case "max_waiting":
      guard let count = try members.count(value, key) else { throw members.wrong(key, "cannot be switched off") }
      maxWaiting = count
    case "limits": limits = try members.limits(value, key)
    case "drain": drain = try members.span(value, key) ?? .zero
    case "env": granted = try passed(value, key, members)
    case "plugins":
      for plugin in try members.object(value, key) {
        for member in try members.object(plugin.value, "\(key).\(plugin.key)") {
          let path = "\(key).\(plugin.key).\(member.key)"
          switch member.key {
          case "max_running": maxRunningByPlugin[plugin.key] = try members.count(member.value, path)
          case "env": grantedByPlugin[plugin.key] = try passed(member.value, path, members)
          default: throw members.wrong(path, "unknown key")
          }
        }
      }
    case "retention":
      for member in try members.object(value, key) {
        let path = "\(key).\(member.key)"
        switch member.key {
        case "rows": retention.rows = try members.span(member.value, path)
        case "files": retention.files = try members.span(member.value, path)
        case "bytes": retention.bytes = try members.bytes(member.value, path)
        default: throw members.wrong(path, "unknown key")
        }
      }
    default: throw members.wrong(key, "unknown key")
    }
  }

  /// `{"pass": […]}`; what a plugin needs, drops or sets is for its manifest to say.
  private func passed(_ value: JSON, _ key: String, _ members: Members) throws(PluginError) -> [String] {
    var names: [String] = []
    for member in try members.object(value, key) {
      let path = "\(key).\(member.key)"
      guard member.key == "pass" else { throw members.wrong(path, "unknown key") }
      names = try members.variables(member.value, path, globs: true)
    }
    return names
  }
}
