import Glibc
import Kernel
import Model
import Support
import Testing
import Wire

/// Whatever an agent starts is gone after it, however it hides; and nothing else is.
@Suite(.tags(.large), .serialized)
struct ContainmentTests {
  /// A way to get away, and how many processes have left their pids when it is done.
  struct Escape: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let words: String
    var processes = 2
  }

  static let escapes = [
    Escape(testDescription: "a session of its own", words: "child session stay also"),
    Escape(testDescription: "a double fork and a session of its own", words: "daemon stay also"),
    Escape(testDescription: "forking on and on", words: "daemon hop 1 also sleep 200"),
    Escape(testDescription: "no environment, another name", words: "daemon disguise stay also", processes: 3),
    Escape(testDescription: "deaf to SIGTERM", words: "child deaf stay also"),
    Escape(testDescription: "one more at each SIGTERM", words: "child multiply stay also"),
    Escape(testDescription: "one more at each SIGTERM, as a daemon", words: "daemon multiply stay also"),
    Escape(testDescription: "its main thread has ended", words: "daemon threads 1 headless also"),
    Escape(testDescription: "deaf, and its main thread has ended", words: "child deaf threads 1 headless also"),
    Escape(testDescription: "stopped", words: "child stop stay also"),
    Escape(testDescription: "holding stdout and stderr", words: "child stay also"),
  ]

  @Test(arguments: Rung.allCases, escapes)
  func `nobody gets away`(rung: Rung, escape: Escape) throws {
    guard let stage = try Stage(rung, for: escape.testDescription) else { return }
    let reeve = try stage.start(
      stage.play(escape.words, processes: escape.processes) + Stage.success, "--limit", "grace=300ms")
    let ended = try reeve.wait()
    #expect(ended == .code(0), "\(reeve.errors)")
    try stage.expectGone(ended, errors: reeve.errors)
    #expect(stage.pids().count >= escape.processes)
  }

  @Test(arguments: [Rung.unified, .legacy, .descent, .olderKernel], ["another group", "the root"])
  func `nobody gets away by moving to another control group`(rung: Rung, target: String) throws {
    guard let stage = try Stage(rung, for: "moving to \(target)") else { return }
    let places = CgroupPlaces.current()
    let place = rung == .legacy ? places.pids : places.unified
    guard let group = TestGroup(below: place) else { return skip("no group to move to on \(rung.rawValue)") }
    let root = rung == .legacy ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup/unified"
    guard target != "the root" || access("\(root)/cgroup.procs", W_OK) == 0 else {
      return skip("\(root) cannot be written: moving to the root on \(rung.rawValue)")
    }
    let path = target == "the root" ? root : group.path
    let words = "daemon move \(path) disguise stay also"
    let reeve = try stage.start(stage.play(words, processes: 3) + Stage.success, "--limit", "grace=300ms")
    let ended = try reeve.wait()
    #expect(ended == .code(0), "\(reeve.errors)")
    try stage.expectGone(ended, errors: reeve.errors)
  }

  // One of its processes ends in the moment in which it is looked at, on and on.
  @Test(arguments: [Rung.legacy, .descent], [0, 200, 400])
  func `a tree is not taken for empty while one after the other ends`(rung: Rung, microseconds: Int) throws {
    guard let stage = try Stage(rung, for: "forking on and on") else { return }
    let reeve = try stage.start(
      stage.play("deaf daemon hop-fast \(microseconds) also", processes: 2) + Stage.success, "--limit", "grace=1s")
    let ended = try reeve.wait()
    #expect(ended == .code(0), "\(reeve.errors)")
    let run = try stage.world.run()
    // It hears no TERM: before its grace is over it cannot have gone.
    let (settled, gone) = (try #require(run.settled), try #require(run.gone))
    #expect(gone.milliseconds - settled.milliseconds >= 990)
    #expect(run.flags.contains(.leftovers))
    try stage.expectGone(ended, errors: reeve.errors)
  }

  @Test
  func `a tree is not taken for empty where it cannot be looked at`() throws {
    guard let stage = try Stage(.descent, for: "a host without descriptors") else { return }
    let host = try stage.world.host()
    let script =
      stage.play("deaf daemon stay also", processes: 2) + "while [ ! -e go ]; do sleep 0.05; done; \(Stage.success)"
    let id = try host.start("script", script, limits: ["grace": "100ms"])
    try eventually("it does not begin") { stage.pids().count == 2 }
    // What is open stays open, and nothing else can be opened: neither a list of children nor a pidfd.
    try limitDescriptors(of: host.process.pid, to: 3)
    try stage.world.folder.write("go", "")
    try host.awaitRun(id, "no verdict") { $0["status"]?.string == "succeeded" }
    try host.awaitRun(id, "it is not given up") { $0["disposal"]?.string == "stuck" }
    #expect(stage.survivors().count == 1)
    try limitDescriptors(of: host.process.pid, to: 1024)
    try host.awaitRun(id, "it is not buried") { $0["disposal"]?.string == "gone" }
    #expect(stage.survivors() == [])
    try host.end()
  }

  @Test(arguments: Rung.allCases)
  func `what the shell puts in the background is gone too`(rung: Rung) throws {
    guard let stage = try Stage(rung, for: "setsid, nohup and python3") else { return }
    let script = """
      setsid sleep 1000 & echo $! >> \(stage.pidFile)
      nohup sleep 1000 > /dev/null 2>&1 & echo $! >> \(stage.pidFile)
      /usr/bin/python3 -c '\(Self.doubleFork)' \(stage.pidFile)
      while [ "$(wc -l < \(stage.pidFile))" -lt 3 ]; do sleep 0.01; done

      """
    guard access("/usr/bin/python3", X_OK) == 0 else { return skip("no python3: its double fork") }
    let reeve = try stage.start(script + Stage.success, "--limit", "grace=300ms")
    let ended = try reeve.wait()
    #expect(ended == .code(0), "\(reeve.errors)")
    try stage.expectGone(ended, errors: reeve.errors)
    #expect(stage.pids().count == 3)
  }

  private static let doubleFork = """
    import os, sys, time
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND), b"%d\\n" % os.getpid())
            time.sleep(1000)
        os._exit(0)
    os.wait()
    """

  @Test(arguments: Rung.allCases)
  func `what the program “daemon” starts is gone too`(rung: Rung) throws {
    guard access("/usr/bin/daemon", X_OK) == 0 else { return skip("no program “daemon” on \(rung.rawValue)") }
    guard let stage = try Stage(rung, for: "daemon") else { return }
    // As root it refuses a program below a folder that others may write, as a checkout may lie in.
    let script = """
      daemon --unsafe -- \(stage.agent) \(stage.pidFile) stay
      while [ ! -s \(stage.pidFile) ]; do sleep 0.01; done

      """
    let reeve = try stage.start(script + Stage.success, "--limit", "grace=300ms")
    let ended = try reeve.wait()
    try stage.expectGone(ended, errors: reeve.errors)
  }

  // MARK: - Bombs, each of them bounded by itself

  @Test(.timeLimit(.minutes(3)), arguments: Rung.allCases)
  func `a fork bomb is put out at its time limit`(rung: Rung) throws {
    guard let stage = try Stage(rung, for: "a fork bomb at the time limit") else { return }
    let reeve = try stage.start(
      "exec \(stage.agent) \(stage.pidFile) bomb 400", "--limit", "wall=1s", "--limit", "grace=100ms", "--limit",
      "bury=20s")
    let ended = try reeve.wait(within: .seconds(120))
    #expect(ended == .code(124), "\(reeve.errors)")
    try stage.expectGone(ended, errors: reeve.errors)
    #expect(try stage.world.run().status == .timedOut)
  }

  @Test(.timeLimit(.minutes(3)), arguments: Rung.allCases)
  func `a fork bomb runs into the task limit`(rung: Rung) throws {
    guard let stage = try Stage(rung, for: "a fork bomb at the task limit") else { return }
    let reeve = try stage.start(
      "exec \(stage.agent) \(stage.pidFile) bomb 400", "--limit", "tasks=200", "--limit", "grace=100ms", "--limit",
      "bury=20s")
    let ended = try reeve.wait(within: .seconds(120))
    try stage.expectGone(ended, errors: reeve.errors)
    let run = try stage.world.run()
    #expect(run.status == .failed && run.reason == "task_limit", "\(run.status) \(run.reason ?? "")")
    #expect(run.tasksPeak ?? 0 >= 100)
  }

  @Test(arguments: Rung.allCases)
  func `threads count as tasks`(rung: Rung) throws {
    guard let stage = try Stage(rung, for: "threads at the task limit") else { return }
    let reeve = try stage.start(
      "\(stage.agent) \(stage.pidFile) threads 50 stay; sleep 1000", "--limit", "tasks=20", "--limit", "grace=100ms")
    let ended = try reeve.wait()
    try stage.expectGone(ended, errors: reeve.errors)
    let run = try stage.world.run()
    #expect(run.status == .failed && run.reason == "task_limit", "\(run.status) \(run.reason ?? "")")
  }

  // MARK: - Leftovers

  @Test(arguments: Rung.allCases)
  func `what an agent leaves behind is named`(rung: Rung) throws {
    guard let stage = try Stage(rung, for: "names of leftovers") else { return }
    let script = stage.play("daemon stay also", processes: 2) + "exit 3"
    let reeve = try stage.start(script)
    let ended = try reeve.wait()
    #expect(ended == .code(1), "\(reeve.errors)")
    try stage.expectGone(ended, errors: reeve.errors)
    let run = try stage.world.run()
    #expect(run.reason == "exit" && run.flags.contains(.leftovers))
    let left = try #require(run.leftovers).text
    let daemon = try #require(stage.pids().last)
    #expect(left.contains("\(daemon)") && left.contains("FakeAgent"), "\(left)")
  }
}
