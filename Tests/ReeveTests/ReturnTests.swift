import Glibc
import Kernel
import Model
import Support
import Testing

/// When `reeve run` returns, and what goes on after that.
@Suite(.tags(.large))
struct ReturnTests {
  /// Answers, ignores SIGTERM, and stays until a file tells it to go.
  static let lingering = """
    trap '' TERM
    echo '{"type":"result","status":"ok","output":"the answer"}'
    while [ ! -e go ]; do sleep 0.05; done
    """

  @Test
  func `the client is let go also by a host that can open nothing more`() throws {
    let world = try World()
    let script = "echo '{}'; while [ ! -e go ]; do sleep 0.05; done; \(Stage.success); sleep 1000"
    let reeve = try world.reeve("run", "script", script, "--limit", "leave=1h", "--limit", "grace=100ms")
    let run = try world.awaitRun("it does not run") { $0.status == .running }
    let host = try reeve.host()
    try limitDescriptors(of: host, to: 0)
    try world.folder.write("go", "")
    #expect(try reeve.wait() == .code(0), "\(reeve.errors)")
    #expect(isAlive(host))
    kill(host, SIGTERM)
    try eventually("the host does not end") { !isAlive(host) }
    #expect(try world.run().id == run.id && !isAlive(run.pid ?? 0))
  }

  @Test
  func `run returns at the verdict, while its process lives and is buried behind its back`() throws {
    let world = try World()
    let reeve = try world.reeve("run", "script", Self.lingering, "--limit", "leave=10m")
    #expect(try reeve.wait() == .code(0))
    #expect(reeve.output == "the answer\n" && reeve.errors == "")
    let run = try world.run()
    let pid = try #require(run.pid)
    #expect(run.status == .succeeded && run.disposal == .leaving && isAlive(pid))
    // Its host is still there to be asked.
    #expect(try world.call("ps").output.contains(run.id.description))
    let again = try world.call("cancel", run.id.description)
    #expect(again.code == .code(0) && again.output.contains("had already ended: succeeded"))
    let host = try #require(try ProcessTable.stat(pid)).parent
    try world.folder.write("go", "")
    try world.awaitRun("it is not buried") { $0.disposal == .gone }
    #expect(!isAlive(pid))
    try eventually("the host stays") { !isAlive(host) }
  }

  // Z4: the client has long gone.
  @Test(arguments: ["", "cgroup2,cgroup1"])
  func `what a host killed at its burial leaves behind is gone, though nobody starts Reeve again`(mask: String) throws {
    let world = try World()
    world.environment["REEVE_MASK"] = mask
    let script = "setsid sleep 1000 & echo $! > daemon; \(Self.lingering)"
    let reeve = try world.reeve("run", "script", script, "--limit", "leave=10m")
    #expect(try reeve.wait() == .code(0))
    let leader = try #require(try world.run().pid)
    let daemon = try #require(Int32(contents(world.path("daemon")).dropLast()))
    #expect(isAlive(leader) && isAlive(daemon))
    kill(try #require(try ProcessTable.stat(leader)).parent, SIGKILL)
    let run = try world.awaitRun("it is not buried") { $0.disposal == .gone }
    #expect(run.status == .succeeded && run.text == "the answer")
    #expect(!isAlive(leader) && !isAlive(daemon))
  }

  @Test
  func `a host without a client hurries when it is told to end`() throws {
    let world = try World()
    let reeve = try world.reeve("run", "script", Self.lingering, "--limit", "leave=10m", "--limit", "grace=10m")
    #expect(try reeve.wait() == .code(0))
    let pid = try #require(try world.run().pid)
    let host = try #require(try ProcessTable.stat(pid)).parent
    kill(host, SIGTERM)
    try eventually("the host stays") { !isAlive(host) }
    let run = try world.run()
    #expect(run.status == .succeeded && run.disposal == .gone && !isAlive(pid))
  }

  @Test
  func `with the return of run its pipes end, and what it was given is let go`() throws {
    let world = try World()
    // Descriptor 7 is the pipe as well: whatever still held it would keep cat from ending.
    let shell = try Child(
      "/bin/sh",
      [
        "-c", "\"$0\" run script \"$1\" --limit leave=10m 2>&1 7>&1 | cat", Repository.program("reeve"),
        Self.lingering,
      ],
      environment: world.environment, directory: world.folder.path)
    #expect(try shell.wait() == .code(0))
    #expect(shell.output == "the answer\n")
    let pid = try #require(try world.run().pid)
    #expect(isAlive(pid))
    try world.folder.write("go", "")
    try world.awaitRun("it is not buried") { $0.disposal == .gone }
  }

  @Test
  func `with --wait gone, run returns when nothing is left`() throws {
    let world = try World()
    let reeve = try world.reeve("run", "script", Self.lingering, "--limit", "leave=10m", "--wait", "gone")
    let run = try world.awaitRun("no verdict") { $0.status.isTerminal }
    try eventually("the answer is not printed") { reeve.output == "the answer\n" }
    #expect(reeve.poll() == nil && isAlive(run.pid ?? 0))
    try world.folder.write("go", "")
    #expect(try reeve.wait() == .code(0))
    #expect(try world.run().disposal == .gone)
  }

  // 0, 1, 124 and 130, with the process gone at the verdict and with a process that stays.
  @Test(arguments: [
    (#"echo '{"type":"result","status":"ok"}'"#, Int32(0)), ("exit 3", 1), ("sleep 1000", 124),
    ("kill -INT $G; sleep 1000", 130),
    (#"trap '' TERM; echo '{"type":"result","status":"ok"}'; sleep 2"#, 0),
    (#"trap '' TERM; echo '{"type":"result","status":"error"}'; sleep 2"#, 1), ("trap '' TERM; sleep 4", 124),
    ("trap '' TERM; kill -INT $G; sleep 4", 130),
  ])
  func `the guardian exits as its host would`(script: String, code: Int32) throws {
    let world = try World()
    let ready = "G=$(awk '/^PPid/ {print $2}' /proc/$PPID/status); " + script
    for wait in [[], ["--wait", "gone"]] {
      let words = ["run", "script", ready, "--limit", "start=1s", "--limit", "grace=10s"] + wait
      let reeve = try Child(
        Repository.program("reeve"), words, environment: world.environment, directory: world.folder.path)
      #expect(try reeve.wait() == .code(code), "\(reeve.errors)")
    }
    try eventually("not all are buried") { try world.runs().allSatisfy { $0.disposal == .gone } }
  }

  @Test
  func `short runs leave no guardian and no host behind`() throws {
    let world = try World()
    for _ in 0..<50 { #expect(try world.call("run", "echo", "hi").code == .code(0)) }
    try eventually("something is left") { try processes(of: world).isEmpty }
    let runs = try world.runs()
    #expect(runs.count == 50 && runs.allSatisfy { $0.status == .succeeded && $0.disposal == .gone })
  }

  /// Whatever works in its folder.
  private func processes(of world: World) throws -> [Int32] {
    try ProcessTable.all().filter { process in
      let directory = try? Descriptor.open("/proc/\(process.pid)/cwd", flags: O_RDONLY | O_DIRECTORY).realPath()
      return directory == world.folder.path
    }.map(\.pid)
  }
}
