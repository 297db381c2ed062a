import Glibc
import Wire

/// Reeve and its peers, measured side by side; docs/benchmarks.md tells how.
@main
enum Bench {
  static func main() {
    do {
      let options = try Options(CommandLine.arguments.dropFirst())
      try measure(options)
    } catch {
      Progress.say("Bench: \(error)")
      exit(2)
    }
  }

  private static func measure(_ options: Options) throws {
    // One who has gone is told of by the write that fails.
    signal(SIGPIPE, SIG_IGN)
    let workshop = try Workshop(options: options)
    defer { workshop.clear() }
    let names = try options.choose(among: contests(workshop).map(\.name))
    if options.list { return try say(names.map { "\($0)\n" }.joined()) }
    Installation(workshop: workshop).perform(forSupervisors: names.contains("runs") || names.contains("quiet"))
    // Only now is it known who can take part.
    let arena = Arena(workshop: workshop)
    let table = Table(
      outcomes: try contests(workshop).filter { names.contains($0.name) }.map { try arena.hold($0) })
    let machine = try Machine()
    if options.json {
      let result: JSON = ["machine": machine.json, "rounds": .integer(Int64(options.rounds)), "rows": table.json]
      try say(result.text + "\n")
    } else {
      try say("\(machine.text), rounds: \(options.rounds)\n\n\(table.markdown)")
    }
    guard table.outcomes.allSatisfy({ $0.failures[0] == nil }) else { throw BenchError("Reeve itself has failed") }
  }

  private static func contests(_ workshop: Workshop) -> [Contest] {
    let latencies = Latencies(workshop: workshop)
    return [WholeRuns(workshop: workshop).contest(), latencies.exit(), latencies.finalWord(), latencies.firstEvent()]
      + Ingest.contests(workshop)
      + [
        Footprint(workshop: workshop).contest(), ColdStart(workshop: workshop).contest(),
        TreeKill(workshop: workshop).contest(), FullLedger(workshop: workshop).contest(),
        CallLatency(workshop: workshop).contest(),
      ]
  }

  private static func say(_ text: String) throws {
    guard write(STDOUT_FILENO, text, text.utf8.count) == text.utf8.count else {
      throw BenchError("what was measured cannot be written: \(String(cString: strerror(errno)))")
    }
  }
}
