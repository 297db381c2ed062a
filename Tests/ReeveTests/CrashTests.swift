import Glibc
import Kernel
import Model
import Support
import Testing
import Wire

/// A host that is killed at every step of a run, with and without its guardian; and a step that fails.
@Suite(.tags(.large), .serialized)
struct CrashTests {
  /// What goes wrong at a step.
  enum Effect: String, CaseIterable, Sendable {
    case kill
    case killBoth = "kill-both"
    case error
  }

  /// The steps of a run, as its host takes them; those of a recovery have a test of their own.
  static let steps = FaultPoint.allCases.filter { !recoverySteps.contains($0) }
  static let recoverySteps: [FaultPoint] = [.takeover, .replayed, .judge, .judged, .buried]
  /// The ledger commits several times in the life of a run.
  static let commits = (1...6).map { $0 }

  /// An agent that says all that an agent can, and that has to be killed together with what it started.
  private func script() throws -> String {
    let agent = try Repository.program("FakeAgent")
    let words = [
      #"'{"type":"session","id":"s1"}'"#, #"'{"type":"usage","input_tokens":3}'"#,
      #"'{"type":"result","status":"ok","output":"done"}'"#,
    ]
    return "exec \(agent) pids deaf daemon stay also \(words.map { "say \($0)" }.joined(separator: " ")) stay"
  }

  private let limits = ["--limit", "leave=50ms", "--limit", "grace=50ms"]

  /// Runs the agent with something going wrong, settles what is left, and looks at everything.
  private func expectTruth(_ fault: String, mask: String = "") throws {
    let world = try World()
    world.environment["REEVE_FAULT"] = fault
    if mask != "" { world.environment["REEVE_MASK"] = mask }
    let reeve = try world.reeve(
      "run", "script", try script(), "--json", "--wait", "gone", "--limit", "leave=50ms",
      "--limit", "grace=50ms")
    try reeve.wait()
    world.environment["REEVE_FAULT"] = nil
    let recovered = try world.call("recover")
    #expect(recovered.code == .code(0), "\(fault): \(recovered.errors)")
    try world.expectInvariants(fault)
    // A daemon that was disguised would be found by its pid alone; these are not, and so none may be left.
    let pids = ((try? contents(world.path("pids"))) ?? "").split(separator: "\n").compactMap { Int32($0) }
    try eventually("\(fault): a process of it lives") { !pids.contains { isAlive($0) } }
    try expectAnnounced(reeve.output, in: world, fault)
  }

  /// What was announced as recorded is in the ledger, as it was announced.
  private func expectAnnounced(_ output: String, in world: World, _ fault: String) throws {
    for line in output.split(separator: "\n") {
      guard let run = try? JSON.parse(String(line)), run["recorded"] == .bool(true), let id = run["id"]?.string else {
        continue
      }
      let row = try #require(try world.runs().first { $0.id.description == id }, "\(fault): it was announced")
      let output = run["output"] == .null ? nil : run["output"]?.text
      #expect(row.status.rawValue == run["status"]?.string && row.output?.text == output, "\(fault)")
    }
  }

  // P2, P10, R18, T2, Z4
  @Test(arguments: steps, Effect.allCases)
  func `whatever goes wrong at a step, the run ends once and nothing is left`(step: FaultPoint, effect: Effect) throws {
    try expectTruth("\(step.rawValue)=\(effect.rawValue)")
  }

  @Test(arguments: commits, Effect.allCases)
  func `whatever goes wrong at a commit, the run ends once and nothing is left`(turn: Int, effect: Effect) throws {
    try expectTruth("commit@\(turn)=\(effect.rawValue)")
    try expectTruth("committed@\(turn)=\(effect.rawValue)")
  }

  @Test(arguments: [FaultPoint.rowed, .cloned, .event, .kill], Effect.allCases)
  func `the same where there are no control groups`(step: FaultPoint, effect: Effect) throws {
    try expectTruth("\(step.rawValue)=\(effect.rawValue)", mask: "cgroup2,cgroup1")
  }

  @Test
  func `every step is passed by a run that ends well, so that none of these tests is about nothing`() throws {
    for step in Self.steps {
      let world = try World()
      world.environment["REEVE_FAULT"] = "\(step.rawValue)=kill"
      let reeve = try world.reeve(
        "run", "script", try script(), "--wait", "gone", "--limit", "leave=50ms", "--limit",
        "grace=50ms")
      #expect(try reeve.wait() == .code(3), "the step \(step.rawValue) is not taken")
    }
  }

  @Test(arguments: recoverySteps, [Effect.kill, .error])
  func `a recovery that is killed or fails at a step is done by the next one`(step: FaultPoint, effect: Effect) throws {
    let world = try World()
    let agent = "exec \(try Repository.program("FakeAgent")) pids daemon stay also say {} stay"
    let reeve = try world.reeve("run", "script", agent)
    try eventually("it does not speak") { ((try? contents(world.path("pids"))) ?? "").count > 1 }
    try world.awaitRun("it does not run") { $0.status.isTerminal || $0.pid != nil }
    try reeve.killWithHost()
    world.environment["REEVE_FAULT"] = "\(step.rawValue)=\(effect.rawValue)"
    let first = try world.call("recover")
    #expect(first.code == (effect == .kill ? .signal(SIGKILL) : .code(3)) || step == .judge, "\(first.errors)")
    world.environment["REEVE_FAULT"] = nil
    #expect(try world.call("recover").code == .code(0))
    try world.expectInvariants("recovery at \(step.rawValue)")
  }

  // P2. REEVE_CRASH_SECONDS changes how long; the seed is printed.
  @Test
  func `hosts and guardians that are killed at any moment leave nothing behind`() throws {
    let seconds = TestEnvironment.value("REEVE_CRASH_SECONDS").flatMap { Int64($0) } ?? 5
    let seed = TestEnvironment.value("REEVE_SEED").flatMap { UInt64($0) } ?? UInt64.random(in: 1...UInt64.max)
    print("random crashes: REEVE_SEED=\(seed), \(seconds) s")
    var random = Random(state: seed)
    let end = Clock.now() + .seconds(seconds)
    let world = try World()
    var (crashes, turns) = (0, 0)
    while Clock.now() < end {
      turns += 1
      let reeve = try world.reeve(
        "run", "script", try script(), "--json", "--limit", "leave=20ms", "--limit", "grace=20ms")
      usleep(UInt32(random.next() % 120_000))
      let children = ((try? contents("/proc/\(reeve.pid)/task/\(reeve.pid)/children")) ?? "").split(separator: " ")
      let host = children.compactMap { Int32($0) }.first
      switch random.next() % 3 {
      case 0: reeve.signal(SIGKILL)
      case 1: if let host { kill(host, SIGKILL) }
      default:
        if let host { try reeve.killWithHost(host) } else { reeve.signal(SIGKILL) }
      }
      try reeve.wait()
      crashes += 1
      let what = "REEVE_SEED=\(seed), turn \(turns)"
      try world.awaitRecovery(what)
      try world.expectInvariants(what)
      try expectAnnounced(reeve.output, in: world, what)
    }
    #expect(crashes > 0)
  }

  /// A small generator whose state can be printed.
  private struct Random {
    var state: UInt64

    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
  }
}
