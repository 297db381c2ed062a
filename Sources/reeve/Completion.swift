internal import Glibc
internal import Kernel
internal import Ledger
internal import Model
internal import Plugins
internal import RPC
internal import Server
internal import Supervision

/// What may stand in place of the last of some words, the first being a command.
struct Completion {
  struct Candidate {
    let text: String
    let meaning: String

    init(_ text: String, _ meaning: String = "") {
      self.text = text
      self.meaning = meaning.split(whereSeparator: \.isNewline).first.map { String($0) } ?? ""
    }
  }

  /// More runs than this nobody looks through.
  private static let mostRuns = 100

  private let before: [String]
  private let current: String

  init(of words: [String]) {
    before = Array(words.dropLast())
    current = words.last ?? ""
  }

  var candidates: [Candidate] { all.filter { $0.text.hasPrefix(current) && $0.text != current } }

  private var all: [Candidate] {
    guard let name = before.first else { return Command.all.map { Candidate($0.name, $0.summary) } }
    guard let command = Command.named(name) else { return [] }
    var place = 0
    var words = before.dropFirst()
    while let word = words.popFirst() {
      // What follows is the agent's.
      if word == "--" { return [] }
      guard word.hasPrefix("-"), word.count > 1 else {
        place += 1
        continue
      }
      guard let option = command.allOptions.first(where: { $0.matches(word) }), let value = option.value else {
        continue
      }
      if words.popFirst() == nil { return values(of: option, value) }
    }
    if current.hasPrefix("-") { return command.allOptions.map { Candidate("--\($0.name)", $0.meaning) } }
    return place == 0 ? self.words(of: command) : []
  }

  private func values(of option: Option, _ value: String) -> [Candidate] {
    switch (option.name, value) {
    case ("limit", "NAME=VALUE"): LimitName.allCases.map { Candidate("\($0.rawValue)=") }
    case ("on-busy", _): RunRequest.OnBusy.allCases.map { Candidate($0.rawValue) }
    case (_, "STATUS"): Status.terminal.map { Candidate($0.rawValue) }
    // A value that is written as it is given.
    case (_, value) where value == value.lowercased(): [Candidate(value)]
    default: []
    }
  }

  private func words(of command: Command) -> [Candidate] {
    switch command.words.split(whereSeparator: { "[] ".contains($0) }).first {
    case "PLUGIN" where command.name != NewCommand.command.name: plugins
    case "RUN": runs.filter { fits($0, command.name) }.map { Candidate($0.id.description, meaning(of: $0)) }
    case "COMMAND": Command.all.map { Candidate($0.name, $0.summary) }
    case "METHOD": Methods.document.methods.map { Candidate($0.name, $0.summary) }
    case "SHELL": Shell.allCases.map { Candidate($0.rawValue) }
    default: []
    }
  }

  /// Of a project's plugins only the names: to read them to the last byte, as who runs one must, takes longer than anybody
  /// waits for a key.
  private var plugins: [Candidate] {
    guard let surroundings = try? Surroundings() else { return [] }
    let catalog = surroundings.catalog
    return catalog.names(for: try? surroundings.directory()).map { name in
      Candidate(name, (try? catalog.installed(name))??.description ?? "")
    }
  }

  /// The newest first. Nothing is made, and nothing settled, because somebody pressed a key.
  private var runs: [RunRecord] {
    guard let path = try? Surroundings().statePath, let folder = try? Directory.open(path),
      let reader = try? LedgerReader.open(in: folder)
    else { return [] }
    return (try? reader.runs(RunQuery(limit: Self.mostRuns))) ?? []
  }

  private func fits(_ run: RunRecord, _ command: String) -> Bool {
    switch command {
    case CancelCommand.command.name, WaitCommand.command.name: !run.status.isTerminal
    case ResumeCommand.command.name: run.isResumable
    default: true
    }
  }

  /// As much of what a run was asked as has room beside its name.
  private static let longestPrompt = 60

  private func meaning(of run: RunRecord) -> String {
    "\(run.plugin), \(run.status.rawValue): \(run.prompt.prefix(Self.longestPrompt).prefix { !$0.isNewline })"
  }
}
