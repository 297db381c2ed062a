import Kernel
import Model

/// Lines of 200 bytes, from agents that write as fast as they are read.
struct Ingest {
  let workshop: Workshop
  let name: String
  /// How it is said in the table.
  let title: String
  /// What the agents are told: to write large blocks, or each line by itself.
  let word: String
  let agents: Int
  /// How many lines each of them writes.
  let lines: Int

  /// How long a line is, its newline included: that of the agent in agents.c.
  private static let lineBytes = 200
  private static let limit = "read, split, write (C)"
  private static let parseOnly = "Node, parses only"

  static func contests(_ workshop: Workshop) -> [Contest] {
    [
      Ingest(
        workshop: workshop, name: "ingest.1", title: "ingest of 200-byte lines from one agent", word: "spew", agents: 1,
        lines: workshop.options.size(2_000_000)
      ).contest(goals: goals),
      Ingest(
        workshop: workshop, name: "ingest.8", title: "ingest of 200-byte lines from 8 agents", word: "spew", agents: 8,
        lines: workshop.options.size(500_000)
      ).contest(goals: goals),
      Ingest(
        workshop: workshop, name: "ingest.drip", title: "ingest from one agent that writes each line by itself",
        word: "drip", agents: 1, lines: workshop.options.size(1_000_000)
      ).contest(goals: []),
    ]
  }

  private static let goals: [Goal] = [.atLeast(3, of: parseOnly), .atLeast(0.4, of: limit)]

  private func contest(goals: [Goal]) -> Contest {
    Contest(
      name: name,
      figures: [
        Figure(name: "\(name).lines", title: title, unit: "lines/s", goals: goals),
        Figure(name: "\(name).bytes", title: "the same", unit: "MB/s"),
      ],
      reference: Self.limit,
      contestants: [
        Contestant("Reeve") { figures(lines, try reeve(subscribed: true)) },
        Contestant("Reeve, no subscriber") { figures(lines, try reeve(subscribed: false)) },
        Contestant(Self.limit) {
          let words = ["ingest", word, "\(lines)", "\(agents)", try workshop.makeFolder()]
          return figures(lines, try workshop.figure(workshop.limits, words))
        },
        script(Self.parseOnly, workshop.node, "ingest.js", "parse", lines),
        script("Node, the same work", workshop.node, "ingest.js", "record", lines),
        // Its rate is the same over fewer lines, and it takes its time.
        script("Python, parses only", workshop.python, "ingest.py", "parse", lines / 4),
        script("Python, the same work", workshop.python, "ingest.py", "record", lines / 4),
      ],
      leavesMuch: true)
  }

  private func figures(_ lines: Int, _ seconds: Double) -> [Double?] {
    let rate = Double(lines * agents) / seconds
    return [rate, rate * Double(Self.lineBytes) / 1e6]
  }

  private func script(_ name: String, _ program: String, _ script: String, _ what: String, _ lines: Int)
    -> Contestant
  {
    Contestant(name, absence: Installation.absence(program)) {
      let words = [
        workshop.peer(script), what, "\(lines)", "\(agents)", workshop.limits, word, try workshop.makeFolder(),
      ]
      return figures(lines, try workshop.figure(program, words))
    }
  }

  /// From asking for the runs until all verdicts and, for a subscriber, all events have come.
  private func reeve(subscribed: Bool) throws -> Double {
    let host = try ReeveHost(workshop)
    let begin = Clock.now()
    for _ in 0..<agents { try host.start(word, prompt: "\(lines)", subscribed: subscribed) }
    var settled: Set<String> = []
    var asked: Set<String> = []
    var arrived = 0
    while settled.count < agents || (subscribed && arrived < lines * agents) {
      switch try host.nextMessage() {
      case .events(let bytes):
        // Each has lost its newline, and there is a comma between two.
        guard (bytes + 1) % Self.lineBytes == 0 else { throw BenchError("events are missing or changed") }
        arrived += (bytes + 1) / Self.lineBytes
      case .run(let news):
        if news.isSettled {
          guard news.status == .succeeded, news.events == lines else {
            throw BenchError("a run ended as \(news.status.rawValue) with \(news.events) events")
          }
          settled.insert(news.name)
        } else if !subscribed, asked.insert(news.name).inserted {
          try host.send("run/wait", #"{"run":"\#(news.name)"}"#)
        }
      case .answer, .failure: break
      }
    }
    let span = host.arrived - begin
    guard !subscribed || arrived == lines * agents else { throw BenchError("\(arrived) events came") }
    try host.close()
    return span.seconds
  }
}
