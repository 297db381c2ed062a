internal import Host

/// `reeve version`
enum VersionCommand {
  static var command: Command {
    Command(
      name: "version", words: "", least: 0, most: 0, options: [Command.json], summary: "Prints the version.",
      run: run)
  }

  private static func run(_ arguments: Arguments) -> ExitCode {
    Terminal.print(arguments.has("json") ? "{\"version\":\"\(Host.version)\"}\n" : "reeve \(Host.version)\n")
    return .succeeded
  }
}
