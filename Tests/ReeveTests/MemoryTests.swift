import Glibc
import Kernel
import Model
import Support
import Testing
import Wire

/// The memory of a whole tree is counted, once, and whoever takes too much of it is ended.
@Suite(.tags(.large), .serialized)
struct MemoryTests {
  /// One where the kernel counts, and one where the host looks.
  static let rungs = [Rung.unified, .descent]

  /// Who sees to the limit on this machine.
  private func enforcer(_ rung: Rung) -> Enforcer {
    if rung == .descent { return .sampling }
    return CgroupPlaces.current().memory == nil ? .cgroup2 : .cgroup1
  }

  @Test(
    arguments: rungs,
    [
      "eat 300", "child eat 300 stay also stay", "eat-shared 300 stay", "eat-file 300 stay", "eat-slowly 300 stay",
      "daemon eat 300 stay also stay",
    ])
  func `whatever memory it is, too much of it ends the run`(rung: Rung, meal: String) throws {
    guard let stage = try Stage(rung, for: meal) else { return }
    let reeve = try stage.start(
      "exec \(stage.agent) \(stage.pidFile) \(meal)\(meal == "eat 300" ? " stay" : "")", "--limit", "memory=100MiB",
      "--limit", "grace=100ms")
    let ended = try reeve.wait()
    #expect(ended == .code(137), "\(reeve.errors)")
    try stage.expectGone(ended, errors: reeve.errors)
    let run = try stage.world.run()
    #expect(run.status == .outOfMemory && run.reason == "limit", "\(run.status) \(run.reason ?? "")")
    #expect(run.memoryEnforcer == enforcer(rung))
    #expect(run.memoryLimit == 100 << 20)
    #expect(run.memoryPeak ?? 0 >= 90 << 20)
  }

  @Test(arguments: rungs)
  func `what the page cache holds is nobody's memory`(rung: Rung) throws {
    guard let stage = try Stage(rung, for: "page cache") else { return }
    let reeve = try stage.start(
      "exec \(stage.agent) \(stage.pidFile) fill \(stage.world.path("file")) 300 ok", "--limit", "memory=50MiB")
    let ended = try reeve.wait()
    #expect(ended == .code(0), "\(reeve.errors)")
    try stage.expectGone(ended, errors: reeve.errors)
  }

  @Test(arguments: rungs)
  func `a hog at the very moment of a time limit gets one verdict`(rung: Rung) throws {
    guard let stage = try Stage(rung, for: "a hog at the time limit") else { return }
    let reeve = try stage.start(
      "exec \(stage.agent) \(stage.pidFile) sleep 950 eat 300 stay", "--limit", "memory=100MiB", "--limit", "wall=1s",
      "--limit", "grace=100ms")
    let ended = try reeve.wait()
    try stage.expectGone(ended, errors: reeve.errors)
    let run = try stage.world.run()
    switch run.status {
    case .timedOut: #expect(ended == .code(124) && run.reason == "wall")
    case .outOfMemory: #expect(ended == .code(137) && run.reason == "limit")
    default: Issue.record("it ended as \(run.status) with \(ended)")
    }
  }

  // Inherited and not written to, private memory is shared as well.
  @Test(arguments: rungs, ["eat", "eat-shared"])
  func `memory that several processes share is counted once`(rung: Rung, meal: String) throws {
    guard let stage = try Stage(rung, for: "shared memory") else { return }
    let words = "\(meal) 60 child stay also child stay also child stay also sleep 1500 ok"
    let reeve = try stage.start(
      "exec \(stage.agent) \(stage.pidFile) \(words)", "--limit", "memory=100MiB", "--limit", "grace=100ms")
    let ended = try reeve.wait()
    #expect(ended == .code(0), "\(reeve.errors)")
    try stage.expectGone(ended, errors: reeve.errors)
    #expect(try stage.world.run().status == .succeeded)
    #expect(stage.pids().count == 4)
  }

  @Test(arguments: rungs)
  func `a run that is out of memory marks no other run of its host`(rung: Rung) throws {
    guard let stage = try Stage(rung, for: "two runs on one host") else { return }
    let world = stage.world
    let host = try world.host()
    let limits: JSON = ["memory": "100MiB", "grace": "100ms"]
    let modest = try host.start(
      "script", "echo '{}'; while [ ! -e \(world.path("go")) ]; do sleep 0.05; done; \(Stage.success)", limits: limits)
    try host.awaitRun(modest, "it does not run") { $0["events"]?.integer == 1 }
    let hog = try host.start("script", "exec \(stage.agent) \(stage.pidFile) eat 300 stay", limits: limits)
    try host.awaitRun(hog, "it is not ended") { $0["status"]?.string == "out_of_memory" }
    try host.awaitRun(hog, "it is not buried") { $0["disposal"]?.string == "gone" }
    try world.folder.write("go", "")
    try host.awaitRun(modest, "the other is not done") { $0["status"]?.string == "succeeded" }
    try host.awaitRun(modest, "the other is not buried") { $0["disposal"]?.string == "gone" }
    #expect(stage.survivors() == [])
    try host.end()
  }

  @Test
  func `memory that the system lacks is not the run's own limit`() throws {
    guard let stage = try Stage(.unified, for: "the limit of a group above") else { return }
    guard let group = TestGroup(below: CgroupPlaces.current().memory) else {
      return skip("no v1 memory group can be made: the limit of a group above")
    }
    try group.write("memory.limit_in_bytes", "\(100 << 20)")
    let world = stage.world
    let script = "exec \(stage.agent) \(stage.pidFile) eat 300 stay"
    let reeve = try Child(
      "/bin/sh",
      [
        "-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\"", group.path, Repository.program("reeve"), "run", "script",
        script, "--wait", "gone", "--limit", "memory=1GiB", "--limit", "grace=100ms",
      ], environment: world.environment, directory: world.folder.path)
    let ended = try reeve.wait()
    #expect(ended == .code(137), "\(reeve.errors)")
    try stage.expectGone(ended, errors: reeve.errors)
    let run = try world.run()
    #expect(run.status == .outOfMemory && run.reason == "system", "\(run.status) \(run.reason ?? "")")
  }

  @Test(arguments: rungs)
  func `a program that reserves far more than it uses runs all the same`(rung: Rung) throws {
    guard access("/usr/bin/node", X_OK) == 0 else { return skip("no node: a program that reserves much") }
    guard let stage = try Stage(rung, for: "node") else { return }
    let answer = #"console.log(JSON.stringify({type: "result", status: "ok", output: 1}))"#
    let reeve = try stage.start("exec node -e '\(answer)'", "--limit", "memory=256MiB")
    let ended = try reeve.wait()
    #expect(ended == .code(0), "\(reeve.errors)")
    try stage.expectGone(ended, errors: reeve.errors)
  }
}
