import Glibc
import Kernel
import Model

/// What it costs to have children that say nothing.
struct Footprint {
  let workshop: Workshop

  /// How long processor time is added up.
  private var watch: TimeSpan { workshop.options.quick ? .seconds(2) : .seconds(10) }
  /// How long a process is given to come to rest, in microseconds.
  private static let rest: UInt32 = 500_000

  func contest() -> Contest {
    Contest(
      name: "quiet",
      figures: [
        Figure(
          name: "memory.0", title: "resident memory, no children", unit: "MB", digits: 1, goals: [.below(12)]),
        Figure(name: "memory.200", title: "resident memory, 200 quiet children", unit: "MB", digits: 1),
        Figure(name: "memory.1000", title: "resident memory, 1 000 quiet children", unit: "MB", digits: 1),
        Figure(
          name: "memory.child", title: "resident memory a child (Reeve: of 1 000, others: of 200)", unit: "KB",
          digits: 1,
          goals: [.below(20)]),
        Figure(
          name: "idle.cpu", title: "1 000 quiet children, of one core", unit: "%", digits: 2, goals: [.below(1)]),
        Figure(name: "memory.guardian", title: "resident memory of the guardian beside it", unit: "MB", digits: 1),
        Figure(name: "memory.share", title: "the host's proportional share (PSS), no children", unit: "MB", digits: 1),
      ],
      reference: "Node",
      contestants: [
        Contestant("Reeve", reeve),
        Contestant("Node", absence: Installation.absence(workshop.node)) { try held(by: workshop.node, "hold.js") },
        Contestant("Python asyncio", absence: Installation.absence(workshop.python)) {
          try held(by: workshop.python, "hold.py")
        },
        Contestant("supervisord", absence: Installation.absence("/usr/bin/supervisord"), supervisord),
      ],
      mostRounds: 3)
  }

  private func reeve() throws -> [Double?] {
    let host = try ReeveHost(workshop)
    let process = try host.process()
    let none = try resident(process)
    let share = try memory("Pss:", of: process)
    let guardian = try resident(host.guardian.pid)
    try host.holdQuiet(200)
    let some = try resident(process)
    try host.holdQuiet(800)
    let many = try resident(process)
    let before = try used(process) + used(host.guardian.pid)
    let begin = Clock.now()
    usleep(UInt32(watch.nanoseconds / 1000))
    let busy = Double(try used(process) + used(host.guardian.pid) - before)
    let percent = busy / Double((Clock.now() - begin).nanoseconds) * 100
    try host.close()
    return [none / 1e6, some / 1e6, many / 1e6, (many - none) / 1e6, percent, guardian / 1e6, share / 1e6]
  }

  private func held(by program: String, _ script: String) throws -> [Double?] {
    func memory(_ count: Int) throws -> Double {
      let words = [workshop.peer(script), "\(count)", workshop.limits]
      let holder = try workshop.start(program, words, streams: [.input, .output])
      try holder.awaitWord(within: .seconds(60))
      let bytes = try resident(holder.pid)
      holder.closeInput()
      try holder.wait(within: .seconds(60))
      return bytes
    }
    return peer(try memory(0), try memory(200))
  }

  private func supervisord() throws -> [Double?] {
    func memory(_ count: Int) throws -> Double {
      let folder = try workshop.makeFolder()
      let words = [workshop.peer("supervisord.py"), folder, "\(count)", "hold", workshop.limits]
      return try workshop.figure(workshop.python, words)
    }
    return peer(try memory(0), try memory(200))
  }

  private func peer(_ none: Double, _ some: Double) -> [Double?] {
    [none / 1e6, some / 1e6, nil, (some - none) / 200e3]
  }

  /// The memory of a process once it has come to rest, in bytes.
  private func resident(_ process: Int32) throws -> Double {
    usleep(Self.rest)
    return try memory("Rss:", of: process)
  }

  /// A line of smaps_rollup, in bytes: it is added up when it is read, while `stat` and `status` may be pages behind.
  private func memory(_ name: String, of process: Int32) throws -> Double {
    let text = try Descriptor.open("/proc/\(process)/smaps_rollup", flags: O_RDONLY).readAll(limit: 1 << 16) ?? []
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
    let words = lines.first { $0.hasPrefix(name) }?.split(separator: " ") ?? []
    guard words.count == 3, let kibibytes = Double(words[1]) else {
      throw BenchError("the memory of process \(process) is not told")
    }
    return kibibytes * 1024
  }

  /// The processor time of all its threads, in nanoseconds.
  private func used(_ process: Int32) throws -> Int64 {
    let folder = "/proc/\(process)/task"
    return try Directory.open(folder).entries().reduce(0) { sum, thread in
      let text = try Descriptor.open("\(folder)/\(thread)/schedstat", flags: O_RDONLY).readAll(limit: 4096) ?? []
      return sum + (Int64(String(decoding: text.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)) ?? 0)
    }
  }
}

extension ReeveHost {
  /// Starts so many children that say one thing and then nothing.
  fileprivate func holdQuiet(_ count: Int) throws {
    let atOnce = 16
    var (asked, running) = (0, 0)
    while running < count {
      while asked < count, asked - running < atOnce {
        try start("quiet", subscribed: false)
        asked += 1
      }
      guard try nextNews().status == .running else { throw BenchError("a quiet child does not run") }
      running += 1
    }
  }
}
