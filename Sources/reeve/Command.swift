/// A command of the program. All there is to know about one stands in one place: the help is made from it.
struct Command {
  let name: String
  /// The words it takes, as the help writes them.
  let words: String
  /// The least and the most number of words.
  let least: Int
  let most: Int
  let options: [Option]
  let summary: String
  let run: (Arguments) throws -> ExitCode

  static let json = Option(name: "json", meaning: "print JSON")
  private static let helpOption = Option(name: "help", short: "h", meaning: "print this help")

  var allOptions: [Option] { options + [Command.helpOption] }

  static func named(_ name: String) -> Command? {
    switch name {
    case "--version": all.first { $0.name == "version" }
    case "--help", "-h": all.first { $0.name == "help" }
    default: all.first { $0.name == name }
    }
  }

  static var all: [Command] {
    [
      RunCommand.command, PsCommand.command, ShowCommand.command, LogsCommand.command, CancelCommand.command,
      ResumeCommand.command, PluginsCommand.command, CheckCommand.command, EnvCommand.command, TrustCommand.command,
      NewCommand.command, ReplayCommand.command, PruneCommand.command, DoctorCommand.command, ServeCommand.command,
      AttachCommand.command, WaitCommand.command, CallCommand.command, RecoverCommand.command,
      CompletionsCommand.command, VersionCommand.command, HelpCommand.command,
    ]
  }

  var usage: String { ["reeve", name, words].filter { !$0.isEmpty }.joined(separator: " ") }

  var help: String {
    let options = columns(allOptions.map { ($0.usage, $0.meaning) })
    return "usage: \(usage)\n\n\(summary)\n\noptions:\n\(options)\n"
  }
}

/// Two columns, the second aligned.
func columns(_ rows: [(String, String)]) -> String {
  let width = rows.map(\.0.count).max() ?? 0
  return rows.map { "  \($0.0)\(String(repeating: " ", count: width - $0.0.count))  \($0.1)" }.joined(separator: "\n")
}

/// Columns as wide as what stands in them, the titles first.
func table(_ cells: [[String]]) -> String {
  let rows = cells.map { row in row.map { Terminal.printableLine($0) } }
  let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    var line = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
    while line.last == " " { line.removeLast() }
    return line + "\n"
  }.joined()
}

/// `reeve help [COMMAND]`
enum HelpCommand {
  static var command: Command {
    Command(
      name: "help", words: "[COMMAND]", least: 0, most: 1, options: [], summary: "Lists the commands, or explains one.",
      run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    if let name = arguments.words.first {
      guard let command = Command.named(name) else { throw CommandFailure(.usage, "there is no command “\(name)”") }
      Terminal.print(command.help)
      return .succeeded
    }
    let commands = columns(Command.all.map { ("\($0.name) \($0.words)", $0.summary) })
    let codes = columns(ExitCode.allCases.map { (String($0.rawValue), $0.meaning) })
    Terminal.print(
      """
      reeve runs command-line agents as supervised processes.

      commands:
      \(commands)

      A RUN is the name of a run or any unique beginning of it. Every command takes --help.

      exit codes:
      \(codes)

      """)
    return .succeeded
  }
}
