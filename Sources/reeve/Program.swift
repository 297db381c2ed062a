internal import Glibc
internal import Host
internal import Kernel
internal import Plugins
internal import RPC
internal import Wire

/// The exit codes of the command line; `reeve help` lists them.
enum ExitCode: Int32, CaseIterable {
  case succeeded = 0
  case failed = 1
  case usage = 2
  case trouble = 3
  case timedOut = 124
  case cancelled = 130
  case outOfMemory = 137

  var meaning: String {
    switch self {
    case .succeeded: "it succeeded"
    case .failed: "the run failed"
    case .usage: "the command line is wrong"
    case .trouble: "the host, the ledger, a plugin or stdout is in trouble"
    case .timedOut: "the run timed out"
    case .cancelled: "the run was cancelled"
    case .outOfMemory: "the run ran out of memory"
    }
  }
}

/// Why a command ends early: one line for people, and the code it exits with.
struct CommandFailure: Error {
  let code: ExitCode
  let message: String

  init(_ code: ExitCode, _ message: String) {
    self.code = code
    self.message = message
  }
}

/// The program: it finds the command and runs it.
enum Program {
  static func main() {
    Terminal.fillStandardDescriptors()
    do {
      let code = try run(try arguments())
      Terminal.tellTrouble()
      Terminal.finish(Terminal.isInTrouble ? .trouble : code)
    } catch {
      let failure = explain(error)
      // What it quotes may be what it was called with.
      Terminal.complain(Surroundings.secrets.masked(failure.message))
      Terminal.finish(failure.code)
    }
  }

  /// The words of the command line. What is not UTF-8 is refused: no record could hold it, and Swift would replace it.
  private static func arguments() throws(CommandFailure) -> [String] {
    var words: [String] = []
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let bytes = CommandLine.unsafeArgv[index] else { break }
      guard let word = String(validatingCString: bytes) else {
        throw CommandFailure(.usage, "“\(String(cString: bytes))” is not UTF-8")
      }
      words.append(word)
    }
    return words
  }

  private static func run(_ words: [String]) throws -> ExitCode {
    guard let name = words.first else {
      Terminal.complain("which command? “reeve help” lists them")
      return .usage
    }
    guard let command = Command.named(name) else {
      throw CommandFailure(.usage, "there is no command “\(name)”; “reeve help” lists them")
    }
    let arguments = try Arguments(Array(words.dropFirst()), of: command)
    if arguments.has("help") {
      Terminal.print(command.help)
      return .succeeded
    }
    return try command.run(arguments)
  }

  /// Whether the request is at fault that a host has refused.
  private static func isWrongRequest(_ error: RPCError) -> Bool {
    guard case .object(let data)? = error.data, case .string(let name)? = data["name"] else {
      return [RPCError.invalidParams.code, RPCError.methodNotFound.code].contains(error.code)
    }
    return ["plugin_not_found", "bad_limit", "prompt_too_large", "run_not_found", "plugin_untrusted"].contains(name)
  }

  /// What went wrong, as one line and a code.
  static func explain(_ error: any Error) -> CommandFailure {
    switch error {
    case let failure as CommandFailure: failure
    case let error as PluginError:
      switch error.code {
      // The request is at fault.
      case .notFound, .untrusted, .badLimit, .badRequest, .promptTooLarge: CommandFailure(.usage, error.message)
      // The set-up is.
      case .badManifest, .badConfiguration, .badPlace, .missingEnvironment, .programNotFound:
        CommandFailure(.trouble, error.message)
      }
    case let error as HostError: CommandFailure(.trouble, error.message)
    case let error as RPCError: CommandFailure(isWrongRequest(error) ? .usage : .trouble, error.message)
    default: CommandFailure(.trouble, "\(error)")
    }
  }
}

/// What every command knows of the world it is called in.
struct Surroundings {
  let environment: [String: String]
  let account: Account

  init() throws {
    environment = ProcessEnvironment.current()
    do {
      account = try Account.current()
    } catch {
      // A container's user may have no entry; then the environment must say where its home is.
      guard let home = environment["HOME"] else {
        throw CommandFailure(.trouble, "there is no HOME and no entry for this user: set HOME or REEVE_STATE")
      }
      account = Account(uid: geteuid(), name: environment["USER"] ?? "", home: home)
    }
  }

  /// Where the state folder lies.
  var statePath: String { StateFolder.path(environment: environment, account: account) }

  /// The state folder; made if it is not there.
  func state() throws -> StateFolder {
    do {
      return try StateFolder(path: statePath)
    } catch {
      throw CommandFailure(.trouble, "the state folder \(statePath) cannot be used: \(error)")
    }
  }

  /// The user's configuration.
  func configuration() throws -> Configuration {
    try Configuration.read(path: Configuration.path(environment: environment, account: account))
  }

  var catalog: Catalog {
    let program = (try? Descriptor.open("/proc/self/exe", flags: O_RDONLY).realPath()) ?? CommandLine.arguments[0]
    return Catalog(environment: environment, program: program, account: account, state: statePath)
  }

  /// Where the command was called.
  func directory() throws -> String {
    do {
      return try Descriptor.open(".", flags: O_RDONLY | O_DIRECTORY).realPath()
    } catch {
      throw CommandFailure(.usage, "the current directory cannot be used: \(error)")
    }
  }

  /// What is never to be seen in what this program says of itself.
  static let secrets = SecretMask(environment: ProcessEnvironment.current())
}
