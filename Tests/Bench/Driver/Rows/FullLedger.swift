import Kernel
import Model

/// What a run costs when there have been many before it.
struct FullLedger {
  let workshop: Workshop

  private static let rows = 100_000
  private static let empty = "Reeve, empty ledger"

  func contest() -> Contest {
    let full = Prepared(workshop: workshop, rows: workshop.options.size(Self.rows))
    return Contest(
      name: "ledger",
      figures: [
        Figure(
          name: "ledger.cost", title: "a run, 4 in flight, with \(Figures.text(Double(full.rows), digits: 0)) rows",
          unit: "µs", goals: [.atMost(1.1, of: Self.empty, plus: 0)])
      ],
      reference: Self.empty,
      contestants: [
        Contestant("Reeve") { [try cost(state: try full.state())] },
        Contestant(Self.empty) { [try cost(state: nil)] },
      ])
  }

  private func cost(state: String?) throws -> Double {
    let count = workshop.options.size(2000)
    let host = try ReeveHost(workshop, state: state)
    _ = try host.wholeRuns("true", count: 4, inFlight: 4)
    let span = try host.wholeRuns("true", count: count, inFlight: 4)
    try host.close()
    return span.microseconds / Double(count)
  }

  /// A state folder with a history, made when it is first needed.
  private final class Prepared {
    let workshop: Workshop
    let rows: Int
    private var made: String?

    init(workshop: Workshop, rows: Int) {
      self.workshop = workshop
      self.rows = rows
    }

    func state() throws -> String {
      if let made { return made }
      let state = "\(try workshop.makeFolder())/state"
      let host = try ReeveHost(workshop, state: state)
      _ = try host.wholeRuns("true", count: 1, inFlight: 1)
      try host.close()
      Progress.say("  filling a ledger with \(rows) rows")
      let words = [workshop.peer("fill-ledger.py"), "\(state)/ledger.db", "\(rows)"]
      guard try workshop.figure(workshop.python, words) == Double(rows + 1) else {
        throw BenchError("the ledger could not be filled")
      }
      made = state
      return state
    }
  }
}
