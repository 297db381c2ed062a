internal import Host
internal import Model
internal import Plugins

/// `reeve resume RUN [PROMPT]`
enum ResumeCommand {
  static var command: Command {
    Command(
      name: "resume", words: "RUN [PROMPT | -]", least: 1, most: 2, options: RunCommand.commonOptions,
      summary: "Goes on with the session of a run that is over, as a new run in the same directory.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let prompt = try Prompt.read(arguments)
    let surroundings = try Surroundings()
    let run = try find(arguments.words[0], surroundings)
    var request = RunRequest(plugin: run.plugin, directory: run.directory, environment: surroundings.environment)
    request.prompt = prompt
    try RunCommand.takeCommon(&request, arguments)
    return try RunCommand.start(try Host.resumption(of: run, request), arguments, surroundings)
  }

  /// Looks the run up, and leaves nothing open behind: what follows forks, and neither a thread nor SQLite's locks would
  /// survive that as they are.
  private static func find(_ word: String, _ surroundings: Surroundings) throws -> RunRecord {
    let lookup = try RunLookup(surroundings)
    guard lookup.finish() else {
      throw CommandFailure(.trouble, "what a dead host has left is still being settled; try again in a moment")
    }
    return try lookup.run(word)
  }
}
