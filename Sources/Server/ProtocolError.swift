internal import Host
internal import Model
internal import Plugins
internal import RPC
internal import Wire

/// The errors of Reeve's own in the protocol. A program reads the number, or the word in `data.name`.
enum ProtocolError: Int, CaseIterable {
  case runNotFound = 1001
  case pluginNotFound = 1002
  case notResumable = 1003
  case directoryBusy = 1004
  case missingEnvironment = 1005
  case spawnFailed = 1006
  case hostStopping = 1007
  case promptTooLarge = 1008
  case badLimit = 1009
  case ledgerUnavailable = 1010
  case pluginUntrusted = 1011
  case notFinished = 1012
  case tooManyRuns = 1013
  case badManifest = 1014
  case ownerUnreachable = 1015
  case keyConflict = 1016
  case tooManyCalls = 1017
  case tooManySubscriptions = 1018

  /// As clients read of it.
  var description: ErrorDescription {
    let (name, meaning, data): (String, String, [Member]) =
      switch self {
      case .runNotFound: ("run_not_found", "there is no such run", [])
      case .pluginNotFound:
        ("plugin_not_found", "there is no such plugin", [Member("near", .list(of: .text), "names that may be meant")])
      case .notResumable:
        (
          "not_resumable", "the run is not over, has no session, or was resumed already",
          [Member("status", .text, "what stands in the way"), Member("resumed_by", Shapes.anIdentifier.orNull)]
        )
      case .directoryBusy:
        (
          "directory_busy", "a run that is not over writes to the directory",
          [Member("holder", Shapes.anIdentifier.orNull)]
        )
      case .missingEnvironment:
        ("missing_env", "the plugin requires variables that are not there", [Member("names", .list(of: .text))])
      case .spawnFailed:
        (
          "spawn_failed", "the program could not be started",
          [
            Member("step", .text), Member("errno", .text), Member("path", Shape.text.orNull),
            .optional("run", Shapes.aRun, "when there is one"),
          ]
        )
      case .hostStopping: ("host_stopping", "the host, or the session, takes no new work", [])
      case .promptTooLarge:
        (
          "prompt_too_large", "the prompt is longer than its plugin can take it: as an argument, or as a file",
          [Member("size", .count), Member("limit", .count)]
        )
      case .badLimit:
        ("bad_limit", "there is no such limit, or it cannot have this value", [Member("limit", Shape.text.orNull)])
      case .ledgerUnavailable: ("ledger_unavailable", "the record cannot be written or read; the message says why", [])
      case .pluginUntrusted:
        (
          "plugin_untrusted",
          "the plugin is a project's that the user has not trusted as it is now, or others could change it; the message says what to do",
          [Member("path", Shape.text.orNull, "what is not trusted")]
        )
      case .notFinished:
        ("not_finished", "the run is not over, or not buried", [Member("status", .text), Member("disposal", .text)])
      case .tooManyRuns: ("too_many_runs", "so many wait that no more can", [Member("queued", .count)])
      case .badManifest:
        (
          "bad_manifest", "the manifest is wrong",
          [Member("file", Shape.text.orNull), Member("key", Shape.text.orNull)]
        )
      case .ownerUnreachable:
        (
          "owner_unreachable", "the host that owns the run lives and does not answer; nothing was changed",
          [Member("host", .text)]
        )
      case .keyConflict:
        ("key_conflict", "the key was given to another request", [Member("run", Shapes.anIdentifier, "what it became")])
      case .tooManyCalls:
        ("too_many_calls", "so many calls of this client wait that no more can", [Member("limit", .count)])
      case .tooManySubscriptions:
        ("too_many_subscriptions", "this client has so many that it can have no more", [Member("limit", .count)])
      }
    return ErrorDescription(code: rawValue, name: name, meaning: meaning, data: data)
  }

  func error(_ message: String, _ data: JSONObject = [:]) -> RPCError {
    var data = data
    data["name"] = .string(description.name)
    return RPCError(code: rawValue, message: message, data: .object(data))
  }

  /// The error that a client gets for what went wrong inside.
  static func error(_ problem: any Error) -> RPCError {
    switch problem {
    case let error as RPCError: error
    case let error as PluginError: self.error(error)
    case let error as HostError: self.error(error)
    default: RPCError.internalError.with(data: ["message": .string("\(problem)")])
    }
  }

  private static func error(_ problem: HostError) -> RPCError {
    func name(_ run: RunID?) -> JSON { run.map { .string($0.description) } ?? .null }
    return switch problem.code {
    case .stopping: hostStopping.error(problem.message)
    case .ledgerUnavailable: ledgerUnavailable.error(problem.message)
    case .runNotFound: runNotFound.error(problem.message)
    case .notResumable(let status, let winner):
      notResumable.error(problem.message, ["status": .string(status.rawValue), "resumed_by": name(winner)])
    case .directoryBusy(let holder): directoryBusy.error(problem.message, ["holder": name(holder)])
    // Whoever asks is given the run instead.
    case .sameRequest(let run): RPCError.internalError.with(data: ["run": name(run)])
    case .keyConflict(let run): keyConflict.error(problem.message, ["run": name(run)])
    case .tooManyRuns(let queued): tooManyRuns.error(problem.message, ["queued": .integer(Int64(queued))])
    case .notFinished(let status, let disposal):
      notFinished.error(
        problem.message, ["status": .string(status.rawValue), "disposal": .string(disposal.rawValue)])
    case .ownerUnreachable(let host): ownerUnreachable.error(problem.message, ["host": .string(host.description)])
    case .badState, .system: RPCError.internalError.with(data: ["message": .string(problem.message)])
    }
  }

  private static func error(_ problem: PluginError) -> RPCError {
    let names = JSON.array(problem.names.map { .string($0) })
    switch problem.code {
    case .notFound: return pluginNotFound.error(problem.message, ["near": names])
    case .badManifest:
      return badManifest.error(
        problem.message,
        ["file": problem.file.map { .string($0) } ?? .null, "key": problem.key.map { .string($0) } ?? .null])
    case .untrusted:
      return pluginUntrusted.error(problem.message, ["path": problem.file.map { .string($0) } ?? .null])
    case .badLimit: return badLimit.error(problem.message, ["limit": problem.key.map { .string($0) } ?? .null])
    case .missingEnvironment: return missingEnvironment.error(problem.message, ["names": names])
    case .promptTooLarge:
      let sizes = problem.sizes ?? (0, 0)
      return promptTooLarge.error(
        problem.message, ["size": .integer(Int64(sizes.actual)), "limit": .integer(Int64(sizes.limit))])
    case .programNotFound:
      return spawnFailed.error(
        problem.message, ["step": "resolve", "errno": "ENOENT", "path": problem.key.map { .string($0) } ?? .null])
    case .badRequest: return RPCError(code: RPCError.invalidParams.code, message: problem.message)
    case .badConfiguration, .badPlace: return RPCError.internalError.with(data: ["message": .string(problem.message)])
    }
  }
}
