internal import Host
internal import Model
internal import Plugins

/// `reeve resume RUN [PROMPT]`
enum ResumeCommand {
  static var command: Command {
    Command(
      name: "resume", words: "RUN [PROMPT]", least: 1, most: 2, options: RunCommand.commonOptions,
      summary: "Goes on with the session of a run that is over, as a new run in the same directory.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let surroundings = try Surroundings()
    let lookup = try RunLookup(surroundings)
    let run = try lookup.run(arguments.words[0])
    var request = RunRequest(plugin: run.plugin, directory: run.directory, environment: surroundings.environment)
    request.prompt = arguments.words.count > 1 ? arguments.words[1] : nil
    try RunCommand.takeCommon(&request, arguments)
    return try RunCommand.start(try Host.resumption(of: run, request), arguments, surroundings)
  }
}
