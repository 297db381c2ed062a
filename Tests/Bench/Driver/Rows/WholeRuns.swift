import Glibc
import Kernel
import Model

/// Whole lives of /bin/true: started, ended, judged, and with Reeve recorded.
struct WholeRuns {
  let workshop: Workshop

  private static let lanes = [1, 4, 64]
  /// How many a supervisor is given at once, that has no lanes to set.
  private static let services = 200
  private static let goals: [Goal] = [
    .atLeast(0.5, of: "vfork (C)"), .atLeast(5, of: "supervisord"), .atLeast(5, of: "s6"),
    .atLeast(1.5, of: "Node spawn"),
  ]

  func contest() -> Contest {
    Contest(
      name: "runs",
      figures: Self.lanes.map { lanes in
        Figure(
          name: "runs.\(lanes)",
          title: "whole runs of /bin/true, " + (lanes == 1 ? "one at a time" : "\(lanes) in flight"),
          unit: "runs/s", goals: lanes == 4 ? Self.goals : [])
      } + [
        Figure(name: "runs.said", title: "whole runs that print a line each, 4 in flight", unit: "runs/s")
      ],
      reference: "vfork (C)",
      contestants: [
        Contestant("Reeve") { try eachLane { try reeve("true", $0) } + [try reeve("hello", 4)] },
        // What the controllers of v1 trees cost, of which each wants a group of its own.
        Contestant("Reeve, one group a run") {
          try eachLane { try reeve("true", $0, mask: "cgroup1") } + [try reeve("hello", 4, mask: "cgroup1")]
        },
        Contestant("vfork (C)") {
          try eachLane { try workshop.figure(workshop.limits, ["spawn", "\(count($0))", "\($0)"]) }
        },
        Contestant("Node spawn", absence: Installation.absence(workshop.node)) {
          try eachLane { try workshop.figure(workshop.node, [workshop.peer("spawn.js"), "\(count($0))", "\($0)"]) }
        },
        Contestant("Python asyncio", absence: Installation.absence(workshop.python)) {
          try eachLane { try workshop.figure(workshop.python, [workshop.peer("spawn.py"), "\(count($0))", "\($0)"]) }
        },
        Contestant("supervisord", absence: Installation.absence("/usr/bin/supervisord"), supervisord),
        Contestant("s6", absence: Installation.absence("/usr/bin/s6-svscan")) {
          try services(under: "/usr/bin/s6-svscan", endedBy: SIGTERM)
        },
        Contestant("runit", absence: Installation.absence("/usr/bin/runsvdir")) {
          try services(under: "/usr/bin/runsvdir", endedBy: SIGHUP)
        },
        Contestant("task-spooler", absence: Installation.absence("/usr/bin/tsp")) {
          try eachLane { try script("task-spooler.sh", [try workshop.makeFolder()], lanes: $0) }
        },
        Contestant("GNU parallel", absence: Installation.absence("/usr/bin/parallel")) {
          try eachLane { try script("parallel.sh", [], lanes: $0) }
        },
        Contestant("circus", absence: Installation.absence("\(workshop.venv)/bin/circusd"), circus),
      ])
  }

  private func eachLane(_ measure: (Int) throws -> Double) throws -> [Double?] {
    try Self.lanes.map { try measure($0) }
  }

  /// As many as take something like half a second.
  private func count(_ lanes: Int) -> Int { workshop.options.size(lanes == 1 ? 500 : lanes == 4 ? 1000 : 2000) }

  private func reeve(_ plugin: String, _ lanes: Int, mask: String = "") throws -> Double {
    let host = try ReeveHost(workshop, mask: mask)
    // The first ones find cold caches.
    _ = try host.wholeRuns(plugin, count: lanes, inFlight: lanes)
    let span = try host.wholeRuns(plugin, count: count(lanes), inFlight: lanes)
    try host.close()
    return Double(count(lanes)) / span.seconds
  }

  /// One call a run, and one call for all of them: it has nothing in between.
  private func supervisord() throws -> [Double?] {
    func measure(_ how: String, _ count: Int) throws -> Double {
      let words = [workshop.peer("supervisord.py"), try workshop.makeFolder(), "\(count)", how]
      return try workshop.figure(workshop.python, words)
    }
    let group = try measure("group", Self.services)
    return [try measure("one", workshop.options.size(100)), group, group]
  }

  /// Fresh services, which have to be many: one alone is started once a second at most.
  private func services(under program: String, endedBy signal: Int32) throws -> [Double?] {
    let folder = try ServiceFolder(workshop, count: Self.services)
    let span = try folder.run(under: program, endedBy: signal)
    let rate = Double(Self.services) / span.seconds
    return [nil, rate, rate]
  }

  private func script(_ name: String, _ words: [String], lanes: Int) throws -> Double {
    let count = workshop.options.size(200)
    let all = [workshop.peer(name)] + words + ["\(count)", "\(lanes)"]
    return Double(count) / (try workshop.seconds("/bin/sh", all))
  }

  private func circus() throws -> [Double?] {
    let words = [workshop.peer("circusd.py"), try workshop.makeFolder(), "50"]
    let rate = try workshop.figure("\(workshop.venv)/bin/python", words)
    return [nil, rate, rate]
  }
}

extension ReeveHost {
  /// Runs it so often, so many at a time: how long that takes until the last verdict is in the ledger.
  func wholeRuns(_ plugin: String, count: Int, inFlight: Int) throws -> TimeSpan {
    let begin = Clock.now()
    var started = 0
    var whole: Set<String> = []
    while whole.count < count {
      while started < count, started - whole.count < inFlight {
        try start(plugin)
        started += 1
      }
      let news = try nextNews()
      guard news.isSettled, news.isRecorded else { continue }
      guard news.status == .succeeded else { throw BenchError("a run of \(plugin) ended as \(news.status.rawValue)") }
      whole.insert(news.name)
    }
    return arrived - begin
  }
}
