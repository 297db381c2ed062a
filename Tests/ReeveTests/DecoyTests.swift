import Glibc
import Kernel
import Model
import Support
import Testing
import Wire

/// What only looks like a part of a run is left alone.
@Suite(.tags(.large), .serialized)
struct DecoyTests {
  @Test(arguments: Rung.allCases)
  func `a process of another run that is called the same lives on`(rung: Rung) throws {
    guard let stage = try Stage(rung, for: "a decoy") else { return }
    var names = IdentifierSource<RunSubject>()
    let stranger = names.next(at: Clock.wallMilliseconds())
    let decoy = try Child(
      stage.agent, [stage.pidFile, "stay"],
      environment: stage.world.environment.merging(["REEVE_RUN": "\(stranger)"]) { $1 })
    try eventually("the decoy does not begin") { stage.pids() == [decoy.pid] }
    if rung.isUnprivileged { chown(stage.pidFile, TestUser.id, TestUser.id) }
    let reeve = try stage.start(
      stage.play("daemon stay also", processes: 3) + "exit 3", "--limit", "grace=300ms")
    let ended = try reeve.wait()
    try stage.expectGone(ended, butFor: [decoy.pid], errors: reeve.errors)
    #expect(isAlive(decoy.pid))
  }

  @Test(arguments: [Rung.unified, .legacy, .descent, .olderKernel])
  func `a run that is ended takes nothing of another run on its host along`(rung: Rung) throws {
    guard let stage = try Stage(rung, for: "two runs on one host") else { return }
    let world = stage.world
    let host = try world.host()
    func begin(_ name: String) throws -> (id: String, pids: [Int32]) {
      let file = world.path(name)
      let script = "echo '{}'; exec \(stage.agent) \(file) daemon stay also stay"
      let id = try host.start("script", script, limits: ["grace": "200ms"])
      var pids: [Int32] = []
      try eventually("\(name) does not begin") {
        pids = ((try? contents(file)) ?? "").split(separator: "\n").compactMap { Int32($0) }
        return pids.count == 2
      }
      return (id, pids)
    }
    let (first, second) = (try begin("first"), try begin("second"))
    _ = try host.call("run/cancel", ["run": .string(first.id)])
    try host.awaitRun(first.id, "it is not buried") { $0["disposal"]?.string == "gone" }
    #expect(first.pids.filter { isAlive($0) } == [])
    #expect(second.pids.filter { !isAlive($0) } == [])
    _ = try host.call("run/cancel", ["run": .string(second.id)])
    try host.awaitRun(second.id, "the other is not buried") { $0["disposal"]?.string == "gone" }
    #expect(second.pids.filter { isAlive($0) } == [])
    try host.end()
  }

  // Without groups nothing tells whose it is: it goes with the last run that it can belong to.
  @Test(arguments: [Rung.unified, .legacy, .descent, .olderKernel])
  func `whoever denies its origin goes at the latest with the last run of its host`(rung: Rung) throws {
    guard let stage = try Stage(rung, for: "a disguised daemon beside another run") else { return }
    let world = stage.world
    let host = try world.host()
    let limits: JSON = ["grace": "200ms"]
    let other = try host.start("script", "echo '{}'; sleep 1000", limits: limits)
    try host.awaitRun(other, "the other does not run") { $0["events"]?.integer == 1 }
    let id = try host.start(
      "script", "exec \(stage.agent) \(stage.pidFile) daemon disguise stay also stay", limits: limits)
    try eventually("it does not begin") { stage.pids().count == 3 }
    _ = try host.call("run/cancel", ["run": .string(id)])
    try host.awaitRun(id, "it is not buried") { $0["disposal"]?.string == "gone" }
    if rung != .descent { #expect(stage.survivors() == []) }
    let pid = Int32(try #require(host.run(other)["pid"]?.integer))
    #expect(isAlive(pid))
    _ = try host.call("run/cancel", ["run": .string(other)])
    try host.awaitRun(other, "the other is not buried") { $0["disposal"]?.string == "gone" }
    #expect(stage.survivors() == [])
    try host.end()
  }

  @Test(arguments: [Rung.unified, .descent])
  func `whoever bears the number of a dead leader is not taken for it`(rung: Rung) throws {
    guard let stage = try Stage(rung, for: "a reused pid") else { return }
    let world = stage.world
    let reeve = try world.reeve("run", "script", "echo '{}'; exec sleep 1000")
    let leader = try #require(world.awaitRun("it does not run") { $0.status == .running && $0.pid != nil }.pid)
    let host = try reeve.host()
    try reeve.killWithHost(host)
    try eventually("the leader does not die") { try ProcessTable.stat(leader) == nil }
    try eventually("the host does not die") { !isAlive(host) }
    let decoy = try Child(
      "/usr/bin/python3", ["-c", Self.occupy, "\(leader)"], environment: ["PATH": "/usr/bin:/bin"])
    defer { kill(leader, SIGKILL) }
    try eventually("nobody bears the number: \(decoy.errors)") { decoy.poll() != nil || decoy.output != "" }
    guard decoy.output == "\(leader)\n" else {
      return skip("clone3 sets no pid here (\(decoy.output)\(decoy.errors)): a reused pid on \(rung.rawValue)")
    }
    let recovery = try world.call("recover")
    #expect(recovery.code == .code(0), "\(recovery.errors)")
    #expect(isAlive(leader))
    let run = try world.run()
    #expect(run.status == .lost && run.reason == "host_died")
    #expect(run.disposal == .gone)
  }

  /// Starts a `sleep` with the pid that is wanted, by clone3.
  private static let occupy = """
    import ctypes, os, sys
    number = int(sys.argv[1])
    wanted = (ctypes.c_int * 1)(number)
    fields = [0, 0, 0, 0, 17, 0, 0, 0, ctypes.addressof(wanted), 1, 0]
    arguments = (ctypes.c_uint64 * 11)(*fields)
    libc = ctypes.CDLL(None, use_errno=True)
    pid = libc.syscall(435, arguments, ctypes.sizeof(arguments))
    if pid < 0: sys.exit("clone3: " + os.strerror(ctypes.get_errno()))
    if pid == 0: os.execv("/bin/sleep", ["sleep", "1000"])
    print(pid, flush=True)
    os.waitpid(pid, 0)
    """
}
