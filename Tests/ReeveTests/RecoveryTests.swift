import Glibc
import Kernel
import Model
import Support
import Testing

/// What is done for a host that can do nothing more itself.
@Suite(.tags(.large))
struct RecoveryTests {
  /// An agent with a daemon of its own, whose pids come to lie in PIDS.
  private func begin(_ world: World, daemon: String = "stay") throws -> (reeve: Child, pids: [Int32]) {
    let agent = "exec \(try Repository.program("FakeAgent")) pids daemon \(daemon) also say {} stay"
    let reeve = try world.reeve("run", "script", agent)
    try world.awaitRun("it does not run") { $0.status == .running && $0.pid != nil }
    var pids: [Int32] = []
    try eventually("its family is not complete") {
      pids = ((try? contents(world.path("pids"))) ?? "").split(separator: "\n").compactMap { Int32($0) }
      return pids.count >= 2 && pids.allSatisfy { isAlive($0) }
    }
    return (reeve, pids)
  }

  /// Both at one moment: stopped, neither can do anything for the other.
  private func killBoth(_ reeve: Child) throws {
    let host = try reeve.host()
    kill(host, SIGSTOP)
    reeve.signal(SIGKILL)
    kill(host, SIGKILL)
    try reeve.wait()
  }

  private func expectLost(_ world: World, _ pids: [Int32]) throws {
    let row = try world.awaitRun("it is not settled") { $0.disposal == .gone }
    #expect(row.status == .lost && row.reason == "host_died" && row.error != nil)
    try eventually("something of it lives") { !pids.contains { isAlive($0) } }
  }

  // Z3, Z4
  @Test(arguments: ["", "cgroup2,cgroup1"])
  func `when host and guardian are killed, any live host ends what is left and settles it`(mask: String) throws {
    let world = try World()
    world.environment["REEVE_MASK"] = mask
    let (reeve, pids) = try begin(world)
    try killBoth(reeve)
    try eventually("the leader lives") { !isAlive(pids[0]) }
    #expect(isAlive(pids[1]), "the daemon is gone before anybody looked after it")
    let host = try world.host()
    try expectLost(world, pids)
    #expect(host.process.poll() == nil)
  }

  @Test
  func `reeve recover does the same by hand`() throws {
    let world = try World()
    let (reeve, pids) = try begin(world)
    try killBoth(reeve)
    let (code, _, errors) = try world.call("recover")
    #expect(code == .code(0) && errors.contains("is lost: its host"))
    try expectLost(world, pids)
  }

  @Test
  func `what has shed its mark is found by its control group, and without one it is not`() throws {
    let world = try World()
    let (reeve, pids) = try begin(world, daemon: "disguise stay")
    let isGrouped = try world.run().containment == .cgroup2
    try killBoth(reeve)
    #expect(try world.call("recover").code == .code(0))
    if isGrouped {
      try expectLost(world, pids)
    } else {
      skip("no v2 group here: a daemon that has shed its mark outlives host and guardian when both are killed")
      for pid in pids { kill(pid, SIGKILL) }
    }
  }

  // Z7
  @Test
  func `the runs of a live host are never touched, stopped or not`() throws {
    let world = try World()
    let (reeve, pids) = try begin(world)
    let host = try reeve.host()
    kill(host, SIGSTOP)
    #expect(try world.call("recover").code == .code(0))
    kill(host, SIGCONT)
    #expect(pids.allSatisfy { isAlive($0) })
    #expect(try world.run().status == .running)
    reeve.signal(SIGQUIT)
    #expect(try reeve.wait() == .code(130))
  }

  @Test
  func `recover says what is wrong with what it is told`() throws {
    let world = try World()
    #expect(try world.call("recover", "--host", "x").code == .code(2))
    #expect(try world.call("recover", "--exit", "77").code == .code(2))
    #expect(try world.call("recover").code == .code(0))
  }
}
