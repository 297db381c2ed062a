import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// What a host costs, in counts: they are the same on a busy machine. One at a time, each with a host of its own.
@Suite(.tags(.large), .serialized)
struct CountTests {
  // MARK: - Events

  /// What an agent prints, a line of some 200 bytes.
  enum Line: String, CaseIterable, Sendable {
    case text, progress, tool, usage, noise

    var text: String {
      let padding = String(repeating: "x", count: 140)
      return switch self {
      case .text: #"{"type":"text","text":"\#(padding)"}"#
      case .progress: #"{"type":"progress","note":"\#(padding)"}"#
      case .tool: #"{"type":"tool","id":"t1","name":"look","state":"started","input":"\#(padding)"}"#
      case .usage: #"{"type":"usage","input_tokens":3,"output_tokens":4,"note":"\#(padding)"}"#
      case .noise: "this is no JSON: \(padding)"
      }
    }

    /// How many allocations it may cost to read one.
    var allocations: Int {
      switch self {
      case .text, .progress, .noise: 0
      // Its name, for people who look on.
      case .tool: 1
      // The names of its two figures, and what is no figure, as texts: agents tell of use a few times in a run.
      case .usage: 3
      }
    }
  }

  /// How many lines one run prints, and how many more another.
  private static let lines = 20_000
  private static let moreLines = 40_000
  /// What once in a while is allowed, for each of so many events: arrays that grow, a wait that is begun.
  private static let eventsPerStray = 1000
  /// What a notification of about 256 KiB may cost: the pieces it is read in, the arrays it is made of.
  private static let allocationsPerNotification = 40

  @Test(arguments: Line.allCases)
  func `an event that is read costs no allocation`(line: Line) throws {
    let world = try World()
    guard let host = try CountedHost(world) else { return }
    try world.folder.write("lines", String(repeating: line.text + "\n", count: Self.lines))
    let cost = { (times: Int) in
      let before = try host.allocations()
      let id = try host.start("shell", "cat \(Array(repeating: "lines", count: times).joined(separator: " "))")
      let ended = try host.call("run/wait", ["run": .string(id), "until": "gone"])
      #expect(ended["run"]?["events"]?.integer == Int64(times * Self.lines))
      return try host.growth(of: "loop", since: before)
    }
    // The first one fills what is kept.
    _ = try cost(3)
    let (less, more) = (try cost(1), try cost(3))
    print("\(line) lines: \(less) allocations with \(Self.lines) events, \(more) with \(Self.moreLines) more")
    #expect(more - less <= Self.moreLines * line.allocations + Self.moreLines / Self.eventsPerStray)
    try host.end()
  }

  @Test
  func `an event that is passed on costs no allocation but for its part of a notification`() throws {
    let world = try World()
    guard let host = try CountedHost(world) else { return }
    try world.folder.write("lines", String(repeating: Line.progress.text + "\n", count: Self.lines))
    let follower = try Follower(of: host, in: world)
    let cost = { (name: String, times: Int) in
      let before = try host.allocations()
      let files = Array(repeating: "lines", count: times).joined(separator: " ")
      // It waits, so that all of it is passed on as it comes.
      let id = try host.start(
        "shell", "until [ -e \(name) ]; do sleep 0.01; done; cat \(files); echo '\(Follower.last)'")
      try follower.follow(id)
      try world.folder.write(name, "")
      let notifications = try follower.awaitLast()
      _ = try host.call("run/wait", ["run": .string(id), "until": "gone"])
      return (allocations: try host.growth(of: "loop", since: before), notifications: notifications)
    }
    _ = try cost("first", 3)
    let (less, more) = (try cost("second", 1), try cost("third", 3))
    let grown = more.allocations - less.allocations
    let notifications = more.notifications - less.notifications
    print("\(grown) allocations for \(Self.moreLines) more events in \(notifications) more notifications")
    #expect(
      grown <= Self.moreLines / Self.eventsPerStray + max(0, notifications) * Self.allocationsPerNotification)
    try host.end()
  }

  // MARK: - Runs

  private static let warmUp = 50
  private static let runs = 200
  /// Each says half a megabyte.
  private static let tracedRuns = 20
  private static let calls = 200

  /// Allocations of one run, its two calls over JSON-RPC included. These are measured and a tenth; what is aimed at on the
  /// loop is 8.
  private static let allocationsPerRun = ["loop": 310, "ledger": 350, "launcher": 8]

  /// Allocations of a call that is answered with a run, to read the one and to write the other: measured, and a tenth.
  private static let allocationsPerCall = 61

  /// System calls of one run, its two calls over JSON-RPC included: measured, and a tenth; how often SQLite moves pages from
  /// its log into the file makes the ledger's vary.
  private static let systemCallsPerRun = ["loop": 135, "ledger": 80, "launcher": 8]

  private func run(_ count: Int, on host: CountedHost) throws {
    for _ in 0..<count {
      let id = try host.start("true", "")
      let ended = try host.call("run/wait", ["run": .string(id), "until": "gone"])
      try #require(ended["run"]?["status"] == "succeeded")
    }
  }

  private func hostOfShortRuns(_ world: World, tracing thread: String? = nil) throws -> CountedHost? {
    try world.addPlugin("true", #"{"name":"true","version":"1","command":["/bin/true"],"result":"exit"}"#)
    guard let host = try CountedHost(world, tracing: thread) else { return nil }
    try run(Self.warmUp, on: host)
    return host
  }

  @Test
  func `a run costs few allocations`() throws {
    let world = try World()
    guard let host = try hostOfShortRuns(world) else { return }
    let before = try host.allocations()
    try run(Self.runs, on: host)
    for (thread, most) in Self.allocationsPerRun.sorted(by: { $0.key < $1.key }) {
      let count = try host.growth(of: thread, since: before)
      print("a run costs \(Double(count) / Double(Self.runs)) allocations on the thread “\(thread)”")
      #expect(count <= most * Self.runs, "on the thread “\(thread)”")
    }
    try host.end()
  }

  @Test
  func `a call that tells of a run costs few allocations`() throws {
    let world = try World()
    guard let host = try CountedHost(world) else { return }
    let id = try host.start("shell", "exec sleep 1000")
    _ = try host.run(id)
    let before = try host.allocations()
    for _ in 0..<Self.calls { _ = try host.run(id) }
    let count = try host.growth(of: "loop", since: before)
    print("a call that tells of a run costs \(Double(count) / Double(Self.calls)) allocations")
    #expect(count <= Self.calls * Self.allocationsPerCall)
    try host.end()
  }

  @Test(.enabled(if: TestEnvironment.value("REEVE_COUNTS_TRACE") != nil, "REEVE_COUNTS_TRACE names no thread"))
  func `where the allocations of a run come from`() throws {
    let world = try World()
    let thread = try #require(TestEnvironment.value("REEVE_COUNTS_TRACE"))
    guard let host = try hostOfShortRuns(world, tracing: thread) else { return }
    let before = host.process.errors.utf8.count
    try run(Self.tracedRuns, on: host)
    let name = "\(thread).allocations"
    let file = try Directory.open("\(Repository.path)/.build").openFile(name, flags: O_WRONLY | O_CREAT | O_TRUNC)
    try file.writeAll(Array(host.process.errors.utf8.dropFirst(before)).span.bytes)
    print("python3 Tests/Counts/sites.py \(Self.tracedRuns) < .build/\(name)")
    try host.end()
  }

  @Test
  func `a run costs few system calls`() throws {
    let world = try World()
    guard let host = try hostOfShortRuns(world) else { return }
    let threads = try host.threads()
    let what = "how many system calls a run costs"
    guard let loop = try SystemCalls(of: #require(threads["loop"]), for: what),
      let ledger = try SystemCalls(of: #require(threads["ledger"]), for: what),
      let launcher = try SystemCalls(of: #require(threads["launcher"]), for: what)
    else { return }
    try run(Self.runs, on: host)
    let counts = ["loop": try loop.count(), "ledger": try ledger.count(), "launcher": try launcher.count()]
    for (thread, count) in counts.sorted(by: { $0.key < $1.key }) {
      print("a run costs \(Double(count) / Double(Self.runs)) system calls on the thread “\(thread)”")
      #expect(count <= Self.systemCallsPerRun[thread, default: 0] * Self.runs, "on the thread “\(thread)”")
    }
    print("a run costs \(Double(counts.values.reduce(0, +)) / Double(Self.runs)) system calls in all")
    try host.end()
  }

  // MARK: - Wake-ups

  /// How long it is watched; REEVE_IDLE_SECONDS makes it longer.
  private static let watched = TimeSpan.seconds(
    TestEnvironment.value("REEVE_IDLE_SECONDS").flatMap { Int64($0) } ?? 5)
  /// How often a host with runs says in the ledger that it lives, and in how many turns: that, and to hear the answer.
  private static let heartbeat = (interval: TimeSpan.seconds(60), turns: 2)
  /// How often the ledger's thread may sleep over a heartbeat: it waits for its disk, too.
  private static let ledgerSleeps = 8
  /// How often it asks a v1 controller of tasks, which does not tell.
  private static let pulse = TimeSpan.seconds(1)

  /// Waits until what it has begun with is done; the loop may have its pulse.
  private func settle(_ host: CountedHost) throws {
    var last = try host.switches()
    try eventually("it does not come to rest") {
      usleep(500_000)
      let now = try host.switches()
      defer { last = now }
      return now.filter { $0.key != "loop" } == last.filter { $0.key != "loop" }
    }
  }

  /// What each thread was woken for while somebody waited.
  private func wakeUps(_ host: CountedHost) throws -> [String: Int] {
    let before = try host.switches()
    usleep(UInt32(Self.watched.nanoseconds / 1000))
    return try host.switches().merging(before) { $0 - $1 }
  }

  @Test
  func `an idle host is never woken`() throws {
    let world = try World()
    guard let host = try CountedHost(world) else { return }
    try settle(host)
    let woken = try wakeUps(host)
    #expect(woken.values.allSatisfy { $0 == 0 }, "\(woken)")
    #expect(woken["loop"] != nil && woken["ledger"] != nil && woken["guardian"] != nil)
    try host.end()
  }

  /// Where there is no limit of tasks, a controller that does not tell need not be asked.
  @Test(arguments: [true, false])
  func `fifty quiet children wake their host for its heartbeat alone`(haveTaskLimit: Bool) throws {
    let places = CgroupPlaces.current()
    let unified = (places.unified.flatMap { try? contents("\($0)/cgroup.controllers") } ?? "").split(separator: " ")
    let world = try World()
    guard let host = try CountedHost(world) else { return }
    // No clock is due but the host's own.
    let limits: JSON = ["start": "none", "idle": "none", "tasks": haveTaskLimit ? "100" : "none"]
    let ids = try (0..<50).map { _ in try host.start("shell", "exec sleep 1000", limits: limits) }
    let run = try host.run(ids[0])
    guard run["containment"] == "cgroup2", run["memory"]?["enforced_by"] != "sampling",
      places.pids != nil || unified.contains("pids")
    else {
      return skip("the kernel does not hold runs to their limits here: who wakes a host with quiet children")
    }
    let loop = try #require(try host.threads()["loop"])
    guard let waits = try SystemCalls(of: loop, waitsOnly: true, for: "wake-ups of the loop") else { return }
    try settle(host)
    let (before, began) = (try waits.count(), Clock.now())
    let woken = try wakeUps(host)
    let (turns, span) = (try waits.count() - before, Clock.now() - began)
    let beats = Int(span.nanoseconds / Self.heartbeat.interval.nanoseconds) + 1
    let isPulsing = haveTaskLimit && !unified.contains("pids")
    let looks = isPulsing ? Int(span.nanoseconds / Self.pulse.nanoseconds) + 1 : 0
    print("with fifty quiet children the loop turned \(turns) times in \(span.milliseconds) ms; woken: \(woken)")
    #expect(turns <= beats * Self.heartbeat.turns + looks)
    #expect(woken["ledger", default: 0] <= beats * Self.ledgerSleeps)
    // The loop may have to wait for a lock of the kernel's when it reads files of groups: its turns are what counts.
    for (thread, count) in woken where thread != "loop" && thread != "ledger" { #expect(count == 0, "\(thread)") }
    try host.end()
  }
}

extension CountedHost {
  /// How often a thread has allocated since.
  fileprivate func growth(of thread: String, since before: [String: Int]) throws -> Int {
    try #require(try allocations()[thread]) - #require(before[thread])
  }
}

/// Somebody at the host's socket who follows runs and keeps nothing of them.
private final class Follower {
  /// The last event of a run.
  static let last = #"{"type":"progress","note":"last"}"#

  private let socket: Descriptor
  private var splitter = LineSplitter(limit: 1 << 20)
  private var calls = 0
  private var notifications = 0
  private var hasAll = false

  init(of host: CountedHost, in world: World) throws {
    let folder = try Directory.open("\(world.state)/hosts")
    let name = try #require(try folder.entries().first { $0.hasSuffix(".sock") })
    socket = try UnixSocket.connect(in: folder, name: name).intoDescriptor()
  }

  func follow(_ run: String) throws {
    calls += 1
    (notifications, hasAll) = (0, false)
    let call = #"{"jsonrpc":"2.0","id":\#(calls),"method":"run/subscribe","params":{"run":"\#(run)"}}"# + "\n"
    try socket.writeAll(Array(call.utf8).span.bytes)
  }

  /// Reads until the last event has come; how many notifications there were.
  func awaitLast() throws -> Int {
    let ending = Array("\(Self.last)]}}".utf8)
    var piece = [UInt8](repeating: 0, count: 256 * 1024)
    while !hasAll {
      let isReadable = socket.isReadable(within: .seconds(60))
      try #require(isReadable, "the host says no more")
      guard case .bytes(let count) = try piece.withUnsafeMutableBytes({ try socket.read(into: $0) }) else {
        throw TestFailure("the host hung up")
      }
      splitter.feed(
        piece.span.bytes.extracting(first: count),
        line: { line in
          notifications += 1
          let text = line.extracting(last: ending.count)
          hasAll =
            hasAll
            || (0..<text.byteCount).allSatisfy { text.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == ending[$0] }
        }, skipped: { _ in Issue.record("a notification is too long") })
    }
    return notifications
  }
}
