internal import Host
internal import Model
internal import Plugins
internal import Wire

/// The errors of Reeve's own in the protocol. A program reads the number, or the word in `data.name`.
enum ProtocolError: Int {
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
  case notFinished = 1012
  case tooManyRuns = 1013
  case badManifest = 1014
  case ownerUnreachable = 1015

  var name: String {
    switch self {
    case .runNotFound: "run_not_found"
    case .pluginNotFound: "plugin_not_found"
    case .notResumable: "not_resumable"
    case .directoryBusy: "directory_busy"
    case .missingEnvironment: "missing_env"
    case .spawnFailed: "spawn_failed"
    case .hostStopping: "host_stopping"
    case .promptTooLarge: "prompt_too_large"
    case .badLimit: "bad_limit"
    case .ledgerUnavailable: "ledger_unavailable"
    case .notFinished: "not_finished"
    case .tooManyRuns: "too_many_runs"
    case .badManifest: "bad_manifest"
    case .ownerUnreachable: "owner_unreachable"
    }
  }

  func error(_ message: String, _ data: JSONObject = [:]) -> RPCError {
    var data = data
    data["name"] = .string(name)
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
    case .badConfiguration: return RPCError.internalError.with(data: ["message": .string(problem.message)])
    }
  }
}
