internal import Glibc
internal import Host
internal import Kernel
internal import Model

/// `reeve serve`
enum ServeCommand {
  /// How long a background host stays when there is nothing to do and nobody there.
  private static let idlePatience = TimeSpan.seconds(60)

  static var command: Command {
    Command(
      name: "serve", words: "", least: 0, most: 0,
      options: [
        Option(name: "socket", meaning: "be the user's background host, and serve whoever connects"),
        Option(
          name: "idle", value: "TIME",
          meaning: "with --socket: leave after so long without clients and runs (60s); “never” stays"),
        Option(name: "background", meaning: "with --socket: go on without whoever started it, once it listens"),
      ],
      summary: "Speaks JSON-RPC: with its parent over stdin and stdout, or with anybody over a socket.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let surroundings = try Surroundings()
    guard arguments.has("socket") else {
      for name in ["idle", "background"] where arguments.has(name) {
        throw CommandFailure(.usage, "--\(name) goes with --socket")
      }
      return try serve(surroundings, .stdio)
    }
    let idle = try idle(arguments)
    let listener = try inheritedListener()
    return try serve(
      surroundings, .socket(idle: idle, isBackground: arguments.has("background"), listener: listener))
  }

  private static func serve(_ surroundings: Surroundings, _ way: ServeSession.Way) throws -> ExitCode {
    let configuration = try surroundings.configuration()
    let state = try surroundings.state()
    return try LoopProgram.run(asBystander: true) { finish in
      try ServeSession.begin(way, surroundings, configuration, state, finish)
    }
  }

  private static func idle(_ arguments: Arguments) throws(CommandFailure) -> TimeSpan? {
    if arguments.value("idle") == "never" { return nil }
    return try arguments.span("idle", or: "never") ?? idlePatience
  }

  /// The socket that systemd has made and hands down, by its protocol; nil when it did not start us.
  private static func inheritedListener() throws(CommandFailure) -> Int32? {
    func number(_ name: String) -> Int32? { getenv(name).flatMap { Int32(String(cString: $0)) } }
    guard number("LISTEN_PID") == getpid(), let count = number("LISTEN_FDS"), count >= 1 else { return nil }
    let first = STDERR_FILENO + 1
    // It must outlive the fork that makes the host, and no program that is run may have it.
    guard fcntl(first, F_SETFD, FD_CLOEXEC) == 0 else {
      throw CommandFailure(.trouble, "LISTEN_FDS promises a socket as descriptor \(first), and there is none")
    }
    for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
    return first
  }
}
