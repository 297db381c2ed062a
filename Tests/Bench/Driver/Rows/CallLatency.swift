import Kernel
import Model

/// How long calls take while agents write as fast as they are read, to a client that reads one of them as well.
struct CallLatency {
  let workshop: Workshop

  private static let agents = 8
  private static let allRunning: StaticString = #""running":8"#
  /// More lines than they can write while this lasts.
  private static let lines = 5_000_000

  func contest() -> Contest {
    Contest(
      name: "calls",
      figures: [
        Figure(
          name: "calls.status.p50", title: "host/status while \(Self.agents) agents flood, p50", unit: "ms", digits: 2),
        Figure(name: "calls.status.p99", title: "the same, p99", unit: "ms", digits: 2),
        Figure(name: "calls.get.p50", title: "run/get while they do, p50", unit: "ms", digits: 2),
        Figure(name: "calls.get.p99", title: "the same, p99", unit: "ms", digits: 2),
      ],
      reference: "Reeve, no subscriber",
      contestants: [
        Contestant("Reeve") { try measure(agents: Self.agents, subscribed: true) },
        Contestant("Reeve, no subscriber") { try measure(agents: Self.agents, subscribed: false) },
        Contestant("Reeve, idle") { try measure(agents: 0, subscribed: false) },
      ],
      mostRounds: 3, leavesMuch: true)
  }

  private func measure(agents: Int, subscribed: Bool) throws -> [Double?] {
    let count = workshop.options.size(100)
    let host = try ReeveHost(workshop)
    // Somebody to ask for.
    try host.start("hello")
    let name = try host.news { $0.isGone && $0.isRecorded }.name
    for number in 0..<agents { try host.start("spew", prompt: "\(Self.lines)", subscribed: subscribed && number == 0) }
    for _ in 0..<agents { _ = try host.nextNews() }
    func call(_ method: String, _ params: String) throws -> Double {
      let begin = Clock.now()
      try host.call(method, params) { _ in }
      return (host.arrived - begin).seconds * 1000
    }
    var (status, get): ([Double], [Double]) = ([], [])
    for _ in 0..<count {
      status.append(try call("host/status", "{}"))
      get.append(try call("run/get", #"{"run":"\#(name)"}"#))
    }
    if agents > 0 {
      let flooding = try host.call("host/status", "{}") { $0.end(of: Self.allRunning) != nil }
      guard flooding else { throw BenchError("the agents have ended too early") }
    }
    try host.close()
    return [Series(status), Series(get)].flatMap { [$0?.median, $0?.quantile(0.99)] }
  }
}
