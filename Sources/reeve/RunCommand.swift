internal import Glibc
internal import Host
internal import Kernel
internal import Plugins
internal import Wire

/// `reeve run PLUGIN [PROMPT]`
enum RunCommand {
  static var command: Command {
    Command(
      name: "run", words: "PLUGIN [PROMPT | -]", least: 1, most: 2,
      options: [
        Option(name: "cwd", value: "DIR", meaning: "the directory it works in (default: this one)"),
        Option(name: "detach", short: "d", meaning: "leave it to the background host, and print its name"),
        Option(
          name: "key", value: "NAME",
          meaning: "with --detach: a name for this request; made again it gives the same run"),
      ] + commonOptions,
      summary: "Runs a plugin, prints its answer, and keeps the record.", run: run)
  }

  /// What a run and the one that resumes it are told alike.
  static var commonOptions: [Option] {
    [
      Prompt.option,
      Option(name: "model", value: "NAME", meaning: "the model it is to use"),
      Option(
        name: "limit", value: "NAME=VALUE", meaning: "a limit, like wall=10m or output=1MiB; any number of times"),
      Option(name: "label", value: "NAME=VALUE", meaning: "a label to find it by; any number of times"),
      Option(
        name: "on-busy", value: "WHAT",
        meaning: "when another run writes to its directory: “refuse” (default) or “queue”"),
      Option(name: "wait", value: "gone", meaning: "return when nothing of it is left, and not with its answer"),
      Command.json,
    ]
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let surroundings = try Surroundings()
    var request = RunRequest(
      plugin: arguments.words[0], directory: try directory(arguments, surroundings),
      environment: surroundings.environment)
    request.prompt = try Prompt.read(arguments)
    try takeCommon(&request, arguments)
    if arguments.has("detach") { return try detach(request, arguments, surroundings) }
    guard !arguments.has("key") else { throw CommandFailure(.usage, "--key goes with --detach") }
    return try start(request, arguments, surroundings)
  }

  static func takeCommon(_ request: inout RunRequest, _ arguments: Arguments) throws(CommandFailure) {
    request.model = arguments.value("model")
    request.limits = try arguments.pairs("limit").map { ($0.name, $0.value) }
    request.labels = try arguments.pairs("label")
    if let word = arguments.value("on-busy") {
      guard let choice = RunRequest.OnBusy(rawValue: word) else {
        throw CommandFailure(.usage, "--on-busy \(word): it is “refuse” or “queue”")
      }
      request.onBusy = choice
    }
  }

  /// Has the background host run it, in this environment and directory.
  private static func detach(
    _ request: RunRequest, _ arguments: Arguments, _ surroundings: Surroundings
  ) throws -> ExitCode {
    guard !arguments.has("wait") else { throw CommandFailure(.usage, "--detach does not go with --wait") }
    var params: JSONObject = [
      "plugin": .string(request.plugin), "cwd": .string(request.directory),
      "on_busy": .string(request.onBusy.rawValue), "limits": texts(request.limits.map { ($0.name, $0.text) }),
      "labels": texts(request.labels),
    ]
    params["prompt"] = request.prompt.map { .string($0) }
    params["model"] = request.model.map { .string($0) }
    params["key"] = arguments.value("key").map { .string($0) }
    let client = try Background(surroundings).connect()
    // How long a program takes to start is for its own limit to say.
    let answer = try client.call("run/start", .object(params), within: nil)
    guard case .object(let members) = answer, case .object(let run)? = members["run"],
      case .string(let id)? = run["id"]
    else { throw CommandFailure(.trouble, "the background host answered what makes no sense") }
    Terminal.print((arguments.has("json") ? JSON.object(run).text : id) + "\n")
    return .succeeded
  }

  private static func texts(_ pairs: [(name: String, value: String)]) -> JSON {
    var object = JSONObject()
    for pair in pairs { object[pair.name] = .string(pair.value) }
    return .object(object)
  }

  /// Starts a run in a host of its own, and waits for its answer.
  static func start(_ request: RunRequest, _ arguments: Arguments, _ surroundings: Surroundings) throws -> ExitCode {
    let wishes = RunSession.Wishes(isJSON: arguments.has("json"), waitsForBurial: try waitsForBurial(arguments))
    // A request that cannot be right is refused before anything is made for it.
    try Preparation.check(request, catalog: surroundings.catalog)
    let state = try surroundings.state()
    let configuration = try surroundings.configuration()
    return try LoopProgram.run { finish in
      try RunSession.begin(request, surroundings, configuration, state, wishes, finish)
    }
  }

  private static func waitsForBurial(_ arguments: Arguments) throws(CommandFailure) -> Bool {
    guard let moment = arguments.value("wait") else { return false }
    guard moment == "gone" else { throw CommandFailure(.usage, "--wait \(moment): it can only wait for “gone”") }
    return true
  }

  /// The path of a directory, links resolved.
  static func realPath(_ path: String) throws(SystemError) -> String {
    try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY).realPath()
  }

  static func directory(_ arguments: Arguments, _ surroundings: Surroundings) throws -> String {
    guard let path = arguments.value("cwd") else { return try surroundings.directory() }
    do {
      return try realPath(path)
    } catch {
      throw CommandFailure(.usage, "--cwd \(path): \(error)")
    }
  }
}
