import Glibc
import Kernel
import Model

/// From something that an agent does until somebody who watches it is told.
struct Latencies {
  let workshop: Workshop

  func exit() -> Contest {
    let count = workshop.options.size(200)
    return Contest(
      name: "exit",
      figures: [
        Figure(
          name: "exit.announced", title: "exit → verdict announced", unit: "µs",
          goals: [.atMost(3, of: "epoll and pidfd (C)", plus: 200)]),
        Figure(name: "exit.recorded", title: "exit → told that the verdict is recorded", unit: "µs"),
      ],
      reference: "epoll and pidfd (C)",
      contestants: [
        Contestant("Reeve") { try reeveExit(count) },
        Contestant("epoll and pidfd (C)") {
          [try workshop.figure(workshop.limits, ["exit-latency", "\(count)"])]
        },
        node("exit", count), python("exit", count),
      ])
  }

  func finalWord() -> Contest {
    // Each stays for a tenth of a second after it has said it.
    let count = workshop.options.size(20)
    return Contest(
      name: "final",
      figures: [
        Figure(
          name: "final.announced", title: "final word → verdict announced", unit: "µs", goals: [.below(1000)])
      ],
      reference: "read (C)",
      contestants: [
        Contestant("Reeve") { try reeveFinal(count) },
        Contestant("read (C)") { [try workshop.figure(workshop.limits, ["final-latency", "\(count)"])] },
        node("final", count), python("final", count),
      ])
  }

  func firstEvent() -> Contest {
    let count = workshop.options.size(100)
    return Contest(
      name: "first",
      figures: [Figure(name: "first.event", title: "run/start → first event", unit: "µs")],
      reference: "vfork and read (C)",
      contestants: [
        Contestant("Reeve") { try reeveFirst(count) },
        Contestant("vfork and read (C)") { [try workshop.figure(workshop.limits, ["first-event", "\(count)"])] },
        node("first", count), python("first", count),
      ])
  }

  // MARK: - Peers

  private func node(_ what: String, _ count: Int) -> Contestant {
    Contestant("Node", absence: Installation.absence(workshop.node)) {
      [try workshop.figure(workshop.node, try words("latency.js", what, count))]
    }
  }

  private func python(_ what: String, _ count: Int) -> Contestant {
    Contestant("Python asyncio", absence: Installation.absence(workshop.python)) {
      [try workshop.figure(workshop.python, try words("latency.py", what, count))]
    }
  }

  private func words(_ script: String, _ what: String, _ count: Int) throws -> [String] {
    [workshop.peer(script), what, "\(count)", workshop.limits, "\(try workshop.makeFolder())/stamp"]
  }

  // MARK: - Reeve

  private func reeveExit(_ count: Int) throws -> [Double?] {
    let host = try ReeveHost(workshop)
    let file = "\(try workshop.makeFolder())/stamp"
    var announced: [Double] = []
    var recorded: [Double] = []
    for _ in 0..<count {
      try host.start("stamp", prompt: file)
      let verdict = try host.news { $0.isSettled }
      let told = host.arrived
      let final = verdict.isRecorded ? verdict : try host.news { $0.isSettled && $0.isRecorded }
      guard final.status == .succeeded else { throw BenchError("a run ended as \(final.status.rawValue)") }
      let stamp = try Self.stamp(file)
      announced.append((told - stamp).microseconds)
      recorded.append((host.arrived - stamp).microseconds)
      if !final.isGone { _ = try host.news { $0.isGone } }
    }
    try host.close()
    return [Series(announced)?.median, Series(recorded)?.median]
  }

  private func reeveFinal(_ count: Int) throws -> [Double?] {
    let host = try ReeveHost(workshop)
    var spans: [Double] = []
    for _ in 0..<count {
      try host.start("final")
      let verdict = try host.news { $0.isSettled }
      guard let stamp = verdict.output else { throw BenchError("a run ended as \(verdict.status.rawValue)") }
      spans.append((host.arrived - Instant(nanoseconds: stamp)).microseconds)
      if !verdict.isGone { _ = try host.news { $0.isGone } }
    }
    try host.close()
    return [Series(spans)?.median]
  }

  private func reeveFirst(_ count: Int) throws -> [Double?] {
    let host = try ReeveHost(workshop)
    var spans: [Double] = []
    for _ in 0..<count {
      let begin = Clock.now()
      try host.start("hello")
      var (heard, gone) = (false, false)
      while !heard || !gone {
        switch try host.nextMessage() {
        case .events:
          if !heard { spans.append((host.arrived - begin).microseconds) }
          heard = true
        case .run(let news): gone = gone || news.isGone
        case .answer, .failure: break
        }
      }
    }
    try host.close()
    return [Series(spans)?.median]
  }

  private static func stamp(_ path: String) throws -> Instant {
    var nanoseconds: Int64 = 0
    let file = try Descriptor.open(path, flags: O_RDONLY)
    guard try withUnsafeMutableBytes(of: &nanoseconds, { try file.read(into: $0, at: 0) }) == 8, nanoseconds > 0 else {
      throw BenchError("the agent left no stamp")
    }
    return Instant(nanoseconds: nanoseconds)
  }
}

extension ReeveHost {
  /// The next news of a run that are such; what comes before is passed over.
  func news(_ condition: (RunNews) -> Bool) throws -> RunNews {
    while true {
      let news = try nextNews()
      if condition(news) { return news }
    }
  }
}
