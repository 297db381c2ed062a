internal import Host
internal import Model

/// `reeve recover`
enum RecoverCommand {
  static var command: Command {
    Command(
      name: "recover", words: "", least: 0, most: 0,
      options: [
        Option(name: "host", value: "ID", meaning: "look after this host alone"),
        Option(name: "exit", value: "CODE", meaning: "the code to exit with when all is settled"),
      ],
      summary: "Settles the runs of hosts that died, and ends what is left of them. Guardians call it; so may you.",
      run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    var host: HostID?
    if let word = arguments.value("host") {
      host = HostID(word)
      guard host != nil else { throw CommandFailure(.usage, "--host \(word): that is no name of a host") }
    }
    var code = ExitCode.succeeded
    if let word = arguments.value("exit") {
      guard let known = Int32(word).flatMap({ ExitCode(rawValue: $0) }) else {
        throw CommandFailure(.usage, "--exit \(word): that is no exit code of reeve")
      }
      code = known
    }
    try Recoverer(state: try Surroundings().state()) { Terminal.complain($0) }.recover(host)
    return code
  }
}
