internal import Glibc
public import Model

/// What a client asks for.
public struct RunRequest: Sendable {
  /// The plugin's name.
  public var plugin: String
  /// What the agent is asked.
  public var prompt: String?
  /// The directory it works in, absolute.
  public var directory: String
  /// The model it is to use.
  public var model: String?
  /// The agent's session that is to go on.
  public var session: String?
  /// Limits as text.
  public var limits: [(name: String, text: String)] = []
  /// What the client hangs on the run.
  public var labels: [(name: String, value: String)] = []
  /// What is to happen when its directory is taken by a run that is not over.
  public var onBusy = OnBusy.refuse
  /// Whether the plugin's `check` is to run, and not its command.
  public var isProbe = false
  /// The run whose session is to go on.
  public var resumes: RunID?
  /// The name that the client gave its request, and the digest by which another request is told from it.
  public var key: (name: String, digest: String)?
  /// The caller's environment.
  public var environment: [String: String]

  /// What is to happen to a run whose directory is taken.
  public enum OnBusy: String, CaseIterable, Sendable {
    /// It is refused, and the holder named.
    case refuse
    /// It waits.
    case queue
  }

  /// Whether a program can have a variable of this name and value.
  public static func isVariable(_ name: String, _ value: String) -> Bool {
    EnvironmentRules.isName(name) && !value.utf8.contains(0)
  }

  /// What every program may need of an environment, and nobody hides anything in.
  public static func harmless(_ environment: [String: String]) -> [String: String] {
    environment.filter { EnvironmentRules.isHarmless($0.key) }
  }

  /// A request with nothing but what every request has.
  public init(plugin: String, directory: String, environment: [String: String]) {
    self.plugin = plugin
    self.directory = directory
    self.environment = environment
  }
}

/// All that is needed to start a run: checked, resolved and frozen, so that nothing about it is looked up later.
public struct Preparation: Sendable {
  /// The run it is for.
  public let run: RunID
  /// The manifest that it was made from.
  public let manifest: Manifest
  /// What the client asked for.
  public let request: RunRequest
  /// The program, as an absolute path.
  public let program: String
  /// Its arguments, its own name first.
  public let arguments: [String]
  /// Whether they name a file that is to hold the prompt.
  public let isPromptInFile: Bool
  /// Its environment, as `NAME=value`.
  public let environment: [String]
  /// What became of the caller's variables, by name.
  public let environmentReport: EnvironmentPreview
  /// Its limits.
  public let limits: Limits
  /// The agent's own session, as far as it is known before the agent has said it.
  public let session: String?

  /// Checks a request against its plugin and resolves what it needs. `promptFile` is where the prompt can lie if it must
  /// be a file, `standards` are the limits where nobody sets any, `user` what the user's configuration sets, and `granted`
  /// which variables it passes on.
  ///
  /// For a look at what would be called, the program need not be there: then it is as the manifest names it.
  public init(
    _ request: RunRequest, manifest: Manifest, run: RunID, promptFile: String, standards: Limits = Limits(),
    user: [(name: String, text: String)] = [], granted: [String] = [], needsProgram: Bool = true
  ) throws(PluginError) {
    self.run = run
    self.manifest = manifest
    self.request = request
    limits = try Self.limits(request, manifest, standards, user)
    let command: CommandTemplate
    if request.session == nil {
      command = manifest.command
    } else {
      guard let resume = manifest.resume else {
        throw PluginError(.badRequest, "the plugin “\(manifest.name)” cannot go on with a session")
      }
      command = resume
    }
    session = request.session ?? (try? manifest.session?.filled(with: [.run: run.description]))
    (arguments, isPromptInFile) = try Self.arguments(command, request, manifest, promptFile, run: run, session: session)
    let built = try manifest.environment.environment(
      from: request.environment, granted: granted, run: run.description, directory: request.directory)
    environment = built.variables
    environmentReport = built.report
    do throws(PluginError) {
      program = try Self.resolve(arguments[0], manifest: manifest, path: request.environment["PATH"])
    } catch {
      guard !needsProgram, error.code == .programNotFound else { throw error }
      program = arguments[0]
    }
  }

  /// What is not to be seen in what Reeve writes of this run: the caller's secrets, also those that were not passed on,
  /// for a program of the same user may find them elsewhere; and what the manifest gives to secret-looking names.
  public var secrets: SecretMask { SecretMask(environment: request.environment, set: manifest.environment.set) }

  /// Throws what a request would be refused for, without starting anything.
  public static func check(_ request: RunRequest, catalog: Catalog) throws(PluginError) {
    var names = IdentifierSource<RunSubject>()
    _ = try Preparation(
      request, manifest: try catalog.plugin(request.plugin, for: request.directory).serving(request),
      run: names.next(at: 0), promptFile: "")
  }

  /// Throws when the program of a plugin cannot be found.
  public static func checkProgram(of manifest: Manifest, path: String?) throws(PluginError) {
    guard let name = manifest.command.program else { return }
    let program = try resolve(name, manifest: manifest, path: path)
    guard access(program, X_OK) == 0 else {
      throw PluginError(.programNotFound, "\(program) is not there, or cannot be executed")
    }
  }

  private static func limits(
    _ request: RunRequest, _ manifest: Manifest, _ standards: Limits, _ user: [(name: String, text: String)]
  ) throws(PluginError) -> Limits {
    var limits = standards
    do {
      for limit in user { try limits.assign(limit.name, limit.text, from: .config) }
      for limit in manifest.limits { try limits.assign(limit.name, limit.text, from: .plugin) }
      for limit in request.limits { try limits.assign(limit.name, limit.text, from: .request) }
    } catch {
      var problem = PluginError(.badLimit, error.description)
      problem.key = error.name
      throw problem
    }
    return limits
  }

  /// Finds the program before the environment is filtered, as the caller's shell would.
  private static func resolve(_ name: String, manifest: Manifest, path: String?) throws(PluginError) -> String {
    if name.hasPrefix("/") { return name }
    if name.contains("/") {
      let program = "\(manifest.folder)/\(name.hasPrefix("./") ? String(name.dropFirst(2)) : name)"
      try Tamperproof.check(program)
      return program
    }
    let path = path ?? "/usr/local/bin:/usr/bin:/bin"
    for directory in path.split(separator: ":") where directory.hasPrefix("/") {
      let candidate = "\(directory)/\(name)"
      if access(candidate, X_OK) == 0 && !isDirectory(candidate) { return candidate }
    }
    var error = PluginError(
      .programNotFound,
      "the program “\(name)” of the plugin “\(manifest.name)” is not installed; it was looked for in \(path)")
    error.key = name
    error.brief = "the program “\(name)” is not installed"
    throw error
  }

  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
