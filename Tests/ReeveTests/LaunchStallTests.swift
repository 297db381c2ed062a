import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// A launch that hangs in exec. A write lease on the program does it: exec waits until the lease is given up, and
/// its holder here never does.
@Suite(.tags(.large))
struct LaunchStallTests {
  @Test
  func `a launch stuck in exec frees the launcher and harms no other run`() throws {
    let world = try World()
    let holder = try lease(world)
    let host = try world.host()
    let stuck = try host.send("run/start", ["plugin": "leased"])
    // It waits behind the stuck one, and is served when that has been killed.
    let other = try host.start("echo", "unharmed")
    let served = try host.awaitRun(other, "the other run is harmed") { $0["status"]?.string == "succeeded" }
    #expect(served["text"] == "unharmed")
    #expect(throws: RPCError.self) { try host.answer(stuck) }
    let row = try #require(try world.runs().first { $0.plugin == "leased" })
    #expect(row.status == .failed && row.reason == "spawn" && row.disposal == Disposal.none)
    #expect(row.error == "the program did not begin within 5 s")
    try eventually("the launch leaves a process") { try children(of: host).isEmpty }
    #expect(holder.poll() == nil)
  }

  @Test
  func `a launch that not even a kill can end is given up, and a new launcher takes over`() throws {
    guard let freezer = Freezer.make() else { return skip("no v1 freezer: a launch that cannot be killed") }
    let world = try World()
    let holder = try lease(world)
    let host = try world.host()
    // Launched by the thread that will be given up; it must live on when that thread comes back.
    let earlier = try host.start("script", worker(until: world.path("go")))
    let pid = Int32(try #require(try host.run(earlier)["pid"]?.integer))
    let call = try host.send("run/start", ["plugin": "leased"])
    var child: Int32 = 0
    try eventually("there is no launch") {
      child = try children(of: host).first { $0 != pid } ?? 0
      return child != 0
    }
    try freezer.freeze(child)
    let other = try host.start("echo", "unharmed")
    try host.awaitRun(other, "the other run is harmed") { $0["status"]?.string == "succeeded" }
    #expect(isAlive(child))
    #expect(throws: RPCError.self) { try host.answer(call) }
    let stuck = try #require(try world.runs().first { $0.plugin == "leased" })
    #expect(stuck.status == .failed && stuck.reason == "spawn")
    try host.awaitRun(stuck.id.description, "it is not given up") { $0["disposal"]?.string == "stuck" }

    freezer.thaw()
    try eventually("it is not buried after the thaw") {
      try world.runs().first { $0.id == stuck.id }?.gone != nil
    }
    #expect(!isAlive(child))
    #expect(try world.runs().first { $0.id == stuck.id }?.status == .failed)
    #expect(holder.poll() == nil)
    try world.folder.write("go", "")
    try host.awaitRun(earlier, "the end of a stuck launch ends others") { $0["status"]?.string == "succeeded" }
  }

  // Born into a frozen group, it has not come so far as to say its pid.
  @Test
  func `a launch whose process cannot say who it is frees the launcher`() throws {
    guard let stage = try Stage(.unified, for: "a process that is born frozen") else { return }
    let host = try stage.world.host()
    let group = try group(of: host)
    try write("cgroup.freeze", "1", in: group)
    defer { try? write("cgroup.freeze", "0", in: group) }
    let call = try host.send("run/start", ["plugin": "script", "prompt": "exit 0"])
    #expect(throws: RPCError.self) { try host.answer(call) }
    let row = try stage.world.awaitRun("it is not buried") { $0.gone != nil }
    #expect(row.status == .failed && row.reason == "spawn")
    #expect(row.error == "the program did not begin within 5 s")
    try write("cgroup.freeze", "0", in: group)
    let other = try host.start("echo", "unharmed")
    try host.awaitRun(other, "another run is harmed") { $0["status"]?.string == "succeeded" }
    try host.end()
  }

  @Test(arguments: ["wait", "cancel"])
  func `a launch of which nothing is to be seen is given up as well`(client: String) throws {
    guard let stage = try Stage(.unified, for: "a process that is born frozen") else { return }
    guard let freezer = Freezer.make() else { return skip("no v1 freezer: a launch that cannot be killed") }
    let world = stage.world
    let host = try world.host()
    let earlier = try host.start("script", worker(until: world.path("go")))
    let group = try group(of: host)
    try write("cgroup.freeze", "1", in: group)
    defer { try? write("cgroup.freeze", "0", in: group) }
    _ = try host.send("run/start", ["plugin": "script", "prompt": "exit 0"])
    var id = ""
    try eventually("there is no run") {
      id = try world.runs().first { $0.id.description != earlier }?.id.description ?? ""
      return id != ""
    }
    var child: Int32 = 0
    try eventually("there is no launch") {
      child =
        ((try? contents("\(group)/\(id)/cgroup.procs")) ?? "").split(separator: "\n").first.flatMap { Int32($0) } ?? 0
      return child != 0
    }
    // Now not even the order to kill the whole group ends it.
    try freezer.freeze(child)
    if client == "cancel" { _ = try host.call("run/cancel", ["run": .string(id)]) }
    try host.awaitRun(id, "it is not given up") { $0["disposal"]?.string == "stuck" }
    #expect(isAlive(child))
    try write("cgroup.freeze", "0", in: group)
    let other = try host.start("echo", "unharmed")
    try host.awaitRun(other, "another run is harmed") { $0["status"]?.string == "succeeded" }

    freezer.thaw()
    let gone = try host.awaitRun(id, "it is not buried after the thaw") { $0["disposal"]?.string == "gone" }
    #expect(gone["status"]?.string == (client == "cancel" ? "cancelled" : "failed"))
    try world.folder.write("go", "")
    try host.awaitRun(earlier, "the end of a stuck launch ends others") { $0["status"]?.string == "succeeded" }
    try host.end()
  }

  /// A script that is at work until this file is there.
  private func worker(until file: String) -> String {
    "echo '{}'; while [ ! -e \(file) ]; do sleep 0.05; done; \(Stage.success)"
  }

  /// The group in the v2 tree in which the runs of this host have theirs.
  private func group(of host: TestHost) throws -> String {
    let place = try #require(CgroupPlaces.current().unified)
    return "\(place)/reeve-\(try #require(try host.call("host/status")["host"]?.string))"
  }

  private func write(_ file: String, _ text: String, in group: String) throws {
    try Descriptor.open("\(group)/\(file)", flags: O_WRONLY).writeAll(Array(text.utf8).span.bytes)
  }

  /// Makes a plugin whose program cannot be executed as long as what is returned lives.
  private func lease(_ world: World) throws -> Child {
    let program = try world.folder.copy("/bin/true", as: "leased")
    try world.addPlugin("leased", #"{"name":"leased","version":"1","command":["\#(program)"],"result":"exit"}"#)
    let script = """
      import fcntl, signal, sys, time
      signal.signal(signal.SIGIO, signal.SIG_IGN)
      file = open(sys.argv[1], "r+b")
      fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
      open(sys.argv[1] + ".held", "w").close()
      time.sleep(1000)
      """
    let holder = try Child("/usr/bin/env", ["python3", "-c", script, program], environment: world.environment)
    try eventually("there is no lease: \(holder.errors)") { world.has("leased.held") || holder.poll() != nil }
    try #require(holder.poll() == nil, "there is no lease: \(holder.errors)")
    return holder
  }

  private func children(of host: TestHost) throws -> [Int32] {
    try ProcessTable.all().filter { $0.parent == host.process.pid && $0.state != "Z" }.map(\.pid)
  }
}
