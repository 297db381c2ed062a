internal import Glibc
internal import Host
internal import Kernel
internal import Model
internal import Plugins
internal import Synchronization
internal import Wire

/// `reeve check PLUGIN`
enum CheckCommand {
  static var command: Command {
    Command(
      name: "check", words: "PLUGIN", least: 1, most: 1,
      options: [
        Option(name: "cwd", value: "DIR", meaning: "the directory it would work in (default: this one)"), Command.json,
      ],
      summary: "Looks whether a plugin will do: its manifest, its program, and what it would be called with.",
      run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let surroundings = try Surroundings()
    let findings = try examine(arguments.words[0], try RunCommand.directory(arguments, surroundings), surroundings)
      .map { $0.masked(by: Surroundings.secrets) }
    let isSound = !findings.contains { $0.health == .broken }
    if arguments.has("json") {
      Terminal.print(JSON.object(["ok": .bool(isSound), "findings": .array(findings.map(\.json))]).text + "\n")
    } else {
      Terminal.print(findings.map(\.text).joined())
    }
    return isSound ? .succeeded : .failed
  }

  private static func examine(
    _ name: String, _ directory: String, _ surroundings: Surroundings
  ) throws -> [Doctor.Finding] {
    let manifest: Manifest
    do throws(PluginError) {
      manifest = try surroundings.catalog.plugin(name, for: directory)
    } catch {
      guard error.code != .notFound else { throw error }
      return [PluginCheck.finding(of: error)]
    }
    let check = PluginCheck(
      manifest,
      PluginCheck.Surroundings(
        environment: surroundings.environment, directory: directory, statePath: surroundings.statePath,
        configuration: try surroundings.configuration()))
    let findings = check.examine()
    guard let probe = check.probe else { return findings + check.findingsWithoutProbe() }
    do {
      let state = try surroundings.state()
      let run = try perform(probe, surroundings, state)
      return findings + check.findings(of: run, said: try said(by: run, state))
    } catch {
      return findings + check.findings(ofFailure: Program.explain(error).message)
    }
  }

  /// Runs it in a host of its own, until nothing of it is left.
  private static func perform(
    _ request: RunRequest, _ surroundings: Surroundings, _ state: StateFolder
  ) throws -> RunRecord {
    let configuration = try surroundings.configuration()
    let report = Report()
    let wishes = RunSession.Wishes(isJSON: false, waitsForBurial: true) { run in report.run.withLock { $0 = run } }
    _ = try LoopProgram.run { finish in
      try RunSession.begin(request, surroundings, configuration, state, wishes, finish)
    }
    guard let run = report.run.withLock({ $0 }) else {
      throw CommandFailure(.trouble, "the plugin's “check” was started, and it is not known how it ended")
    }
    return run
  }

  private final class Report: Sendable {
    let run = Mutex(RunRecord?.none)
  }

  /// As much of what a program said as its version can be in.
  private static let mostBytes = 4096

  /// What it wrote to stdout, or else to stderr, as some programs do with their versions.
  private static func said(by run: RunRecord, _ state: StateFolder) throws -> String {
    for name in [RunFile.transcript, RunFile.errors] {
      guard let file = try? state.runs.openDirectory(run.id.description).openPlainFile(name, flags: O_RDONLY) else {
        continue
      }
      var piece = [UInt8](repeating: 0, count: mostBytes)
      let count = try piece.withUnsafeMutableBytes { bytes in try file.read(into: bytes, at: 0) }
      let text = String(decoding: piece[..<count], as: UTF8.self)
      if text.contains(where: { !$0.isWhitespace }) { return text }
    }
    return ""
  }
}
