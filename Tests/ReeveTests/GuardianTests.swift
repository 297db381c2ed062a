import Glibc
import Kernel
import Model
import Support
import Testing

/// What a client's end of a `reeve run` does: it passes signals on, and outlives its host to clean up after it.
@Suite(.tags(.large))
struct GuardianTests {
  /// An agent that ignores SIGTERM, with a child that does as well, a daemon and one that forked twice; their pids come
  /// to lie in the files of their names.
  static let family = """
    trap '' TERM
    sleep 1000 & echo $! > child
    setsid sh -c 'echo $$ > daemon; exec sleep 1000' &
    (setsid sh -c 'echo $$ > orphan; exec sleep 1000' & )
    while [ ! -s daemon ] || [ ! -s orphan ]; do sleep 0.01; done
    echo '{"type":"progress"}'; echo $$ > leader
    while :; do sleep 0.05; done
    """
  static let members = ["leader", "child", "daemon", "orphan"]

  private func family(_ world: World) throws -> [Int32] {
    try eventually("the family is not complete") { (try? pid(world, "leader")) != nil }
    let pids = try Self.members.map { try pid(world, $0) }
    #expect(pids.allSatisfy { isAlive($0) })
    return pids
  }

  private func pid(_ world: World, _ name: String) throws -> Int32 {
    try #require(Int32(contents(world.path(name)).dropLast()))
  }

  /// How a guardian ends whose host was killed, and what it leaves in the ledger.
  private func expectTrouble(_ world: World, _ guardian: Child) throws {
    #expect(try guardian.wait() == .code(3), "\(guardian.errors)")
    let run = try world.run()
    #expect(run.status == .lost && run.reason == "host_died")
  }

  // MARK: - Death

  @Test
  func `whatever a killed host leaves behind is gone, though nobody starts Reeve again`() throws {
    let world = try World()
    let reeve = try world.reeve("run", "script", Self.family)
    let pids = try family(world)
    kill(try reeve.host(), SIGKILL)
    try expectTrouble(world, reeve)
    #expect(pids.filter { isAlive($0) } == [])
    #expect(reeve.errors == "reeve: the host was killed (SIGKILL); its runs are being ended\n")
  }

  @Test
  func `a host that is stopped when its guardian is killed goes on, and ends everything`() throws {
    let world = try World()
    let reeve = try world.reeve("run", "script", Self.family, "--limit", "grace=50ms")
    let pids = try family(world)
    let host = try reeve.host()
    kill(host, SIGSTOP)
    reeve.signal(SIGKILL)
    try reeve.wait()
    try eventually("the host stays stopped") { !isAlive(host) }
    #expect(pids.filter { isAlive($0) } == [])
    #expect(try world.run().status == .cancelled)
  }

  @Test
  func `a signal for a host that is stopped is heard`() throws {
    let world = try World()
    let reeve = try world.reeve("run", "script", Self.family, "--limit", "grace=50ms")
    _ = try family(world)
    kill(try reeve.host(), SIGSTOP)
    reeve.signal(SIGINT)
    #expect(try reeve.wait() == .code(130))
  }

  // H4
  @Test
  func `the verdict of a killed host's run does not wait for a child that will not die`() throws {
    guard let freezer = Freezer.make() else {
      return skip("no v1 freezer: a child that survives its guardian's SIGKILL")
    }
    let world = try World()
    let reeve = try world.reeve("run", "script", Self.family)
    let pids = try family(world)
    try freezer.freeze(pids[2])
    kill(try reeve.host(), SIGKILL)
    let row = try world.awaitRun("it is not judged while its process lives") { $0.status == .lost }
    #expect(isAlive(pids[2]) && row.status == .lost)
    #expect(try reeve.wait() == .code(3))
    #expect(try world.run().disposal == .stuck)
    freezer.thaw()
    try eventually("it survives the thaw") { !isAlive(pids[2]) }
  }

  @Test
  func `a host whose guardian was killed cancels, buries and ends`() throws {
    let world = try World()
    let script = "trap '' TERM; echo '{\"type\":\"progress\"}'; while :; do sleep 0.05; done"
    let reeve = try world.reeve("run", "script", script, "--limit", "grace=10m")
    try world.awaitRun("it does not run") { $0.status == .running && $0.pid != nil }
    let host = try reeve.host()
    reeve.signal(SIGKILL)
    let run = try world.awaitRun("it is not cancelled and buried") { $0.disposal == .gone }
    #expect(run.status == .cancelled && run.reason == "disconnect")
    #expect(!isAlive(try #require(run.pid)))
    try eventually("the host stays") { !isAlive(host) }
  }

  @Test
  func `when both are killed the leader dies`() throws {
    let world = try World()
    let reeve = try world.reeve("run", "script", Self.family)
    let pids = try family(world)
    let host = try reeve.host()
    try reeve.killWithHost(host)
    try eventually("the leader lives") { !isAlive(pids[0]) }
    for pid in pids { kill(pid, SIGKILL) }
  }

  @Test
  func `a child that survives SIGKILL does not keep a guardian beyond its bound`() throws {
    guard let freezer = Freezer.make() else { return skip("no v1 freezer: a guardian with a child that cannot die") }
    let world = try World()
    let reeve = try world.reeve("run", "script", Self.family)
    let pids = try family(world)
    try freezer.freeze(pids[2])
    kill(try reeve.host(), SIGKILL)
    try expectTrouble(world, reeve)
    #expect(isAlive(pids[2]))
    #expect(pids.filter { isAlive($0) } == [pids[2]])
    freezer.thaw()
    try eventually("it survives the thaw") { !isAlive(pids[2]) }
  }

  @Test
  func `nobody waits for the end of a stream because of a guardian at work`() throws {
    guard let freezer = Freezer.make() else { return skip("no v1 freezer: stdio while a guardian sweeps") }
    let world = try World()
    let shell = try Child(
      "/bin/sh",
      [
        "-c", "(echo $BASHPID; exec sh -c 'echo $$ > guardian; exec \"$0\" run script \"$1\"' \"$0\" \"$1\") | cat",
        Repository.program("reeve"), Self.family,
      ],
      environment: world.environment, directory: world.folder.path)
    let pids = try family(world)
    let guardian = try pid(world, "guardian")
    try freezer.freeze(pids[2])
    kill(try hostOf(guardian: guardian), SIGKILL)
    try shell.wait()
    try eventually("the guardian stays") { !isAlive(guardian) }
    freezer.thaw()
  }

  @Test
  func `a host killed before it has a run ends in trouble, and leaves nothing`() throws {
    let world = try World()
    // It waits for the lock under which a ledger is made.
    try world.folder.open().makeDirectory("state")
    let holder = try Child(
      "/usr/bin/env", ["python3", "-c", Self.holdLock, "\(world.state)/ledger.lock"], environment: world.environment)
    try eventually("the lock is not held: \(holder.errors)") { holder.output != "" || holder.poll() != nil }
    let reeve = try world.reeve("run", "script", "touch started")
    let host = try reeve.host()
    kill(host, SIGKILL)
    #expect(try reeve.wait() == .code(3))
    #expect(reeve.errors == "reeve: the host was killed (SIGKILL)\n")
    #expect(!world.has("started"))
  }

  private static let holdLock = """
    import fcntl, sys, time
    file = open(sys.argv[1], "w")
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(1000)
    """

  @Test
  func `children from before are not ours: a background job of the shell that became reeve lives on`() throws {
    let world = try World()
    let command = "sleep 1000 & echo $! > job; exec \"$0\" run script \"$1\""
    for killsHost in [false, true] {
      let script = killsHost ? "touch ready; sleep 1000" : "exit 3"
      let reeve = try Child(
        "/bin/sh", ["-c", command, Repository.program("reeve"), script], environment: world.environment,
        directory: world.folder.path)
      if killsHost {
        try eventually("it does not begin") { world.has("ready") }
        let job = try pid(world, "job")
        let others = try contents("/proc/\(reeve.pid)/task/\(reeve.pid)/children").split(separator: " ")
          .compactMap { Int32($0) }.filter { $0 != job }
        #expect(others.count == 1)
        kill(others[0], SIGKILL)
      }
      try reeve.wait()
      let job = try pid(world, "job")
      #expect(isAlive(job))
      kill(job, SIGKILL)
    }
    for run in try world.runs() { try eventually("an agent lives on") { !isAlive(run.pid ?? 0) } }
  }

  // MARK: - Signals

  /// Takes a second to end when it is asked to, and says so when it has.
  static let polite = "trap 'sleep 1; touch ended; exit 0' TERM; echo '{}'; touch ready; while :; do sleep 0.05; done"

  private func expectGrace(_ world: World, _ reason: String) throws {
    let run = try world.awaitRun("it is not buried") { $0.disposal == .gone }
    #expect(world.has("ended"))
    #expect(run.status == .cancelled && run.reason == reason && run.exit == .code(0))
  }

  @Test
  func `one Ctrl-C on a terminal is one signal: the agent has its grace`() throws {
    let world = try World()
    let terminal = try Terminal()
    let reeve = try world.reeve("run", "script", Self.polite, terminal: terminal)
    try eventually("it does not begin") { world.has("ready") }
    try terminal.type("\u{3}")
    #expect(try reeve.wait() == .code(130))
    try expectGrace(world, "client")
  }

  @Test
  func `two Ctrl-C mean now`() throws {
    let world = try World()
    let terminal = try Terminal()
    let script = "trap '' TERM; echo '{}'; touch ready; while :; do sleep 0.05; done"
    let reeve = try world.reeve(
      "run", "script", script, "--limit", "grace=10m", "--wait", "gone", terminal: terminal)
    try eventually("it does not begin") { world.has("ready") }
    try terminal.type("\u{3}")
    try world.awaitRun("it is not cancelled") { $0.status == .cancelled }
    try terminal.type("\u{3}")
    #expect(try reeve.wait() == .code(130))
    #expect(try world.run().disposal == .gone)
  }

  @Test
  func `timeout, which signals its child and then its group, counts once`() throws {
    let world = try World()
    let timeout = try Child(
      "/usr/bin/timeout", ["2", Repository.program("reeve"), "run", "script", Self.polite, "--wait", "gone"],
      environment: world.environment, directory: world.folder.path)
    #expect(try timeout.wait() == .code(124))
    if world.has("ready") { try expectGrace(world, "shutdown") }
  }

  @Test
  func `two signals of one sender are two, however close`() throws {
    let world = try World()
    let script = "trap '' TERM; echo '{}'; touch ready; while :; do sleep 0.05; done"
    let reeve = try world.reeve("run", "script", script, "--limit", "grace=10m", "--wait", "gone")
    try eventually("it does not begin") { world.has("ready") }
    reeve.signal(SIGINT)
    try world.awaitRun("it is not cancelled") { $0.status == .cancelled }
    reeve.signal(SIGINT)
    #expect(try reeve.wait() == .code(130))
  }

  @Test(arguments: [SIGUSR1, SIGUSR2, SIGALRM])
  func `a signal that ends any program ends this one in good order`(signal: Int32) throws {
    let world = try World()
    let reeve = try world.reeve("run", "script", "echo '{}'; touch ready; sleep 1000")
    try eventually("it does not begin") { world.has("ready") }
    for harmless in [SIGPIPE, SIGWINCH, SIGPROF, SIGIO, SIGSYS, SIGABRT] { reeve.signal(harmless) }
    reeve.signal(signal)
    #expect(try reeve.wait() == .code(130))
    #expect(try world.run().reason == "shutdown")
  }

  @Test
  func `a hang-up under nohup is ignored`() throws {
    let world = try World()
    let shell = try Child(
      "/usr/bin/nohup", [Repository.program("reeve"), "run", "script", "echo '{}'; touch ready; sleep 1000"],
      environment: world.environment, directory: world.folder.path)
    try eventually("it does not begin") { world.has("ready") }
    shell.signal(SIGHUP)
    // Handed on in the order of their numbers: had HUP counted, it would have come first.
    shell.signal(SIGTERM)
    #expect(try shell.wait() == .code(130))
    #expect(try world.run().reason == "shutdown")
  }

  @Test
  func `Ctrl-Z stops the client and its host, and they go on together`() throws {
    let world = try World()
    let terminal = try Terminal()
    // Only in a group whose parent could continue it does Ctrl-Z stop anything: so a shell stands above.
    let command = """
      "$0" run script "$1" & echo $! > guardian; fg
      touch stopped; while [ ! -e go ]; do sleep 0.05; done; fg
      """
    let script = """
      echo '{}'; touch ready; while [ ! -e go ]; do sleep 0.05; done; echo '{"type":"result","status":"ok"}'
      """
    let shell = try Child(
      "/bin/bash", ["-mc", command, Repository.program("reeve"), script], environment: world.environment,
      directory: world.folder.path, terminal: terminal)
    try eventually("it does not begin: \(terminal.screen)") { world.has("ready") }
    let guardian = try pid(world, "guardian")
    let host = try hostOf(guardian: guardian)
    try terminal.type("\u{1a}")
    try eventually("they do not stop: \(terminal.screen)") {
      try ProcessTable.stat(guardian)?.state == "T" && ProcessTable.stat(host)?.state == "T"
    }
    try eventually("the shell does not see it: \(terminal.screen)") { world.has("stopped") }
    try world.folder.write("go", "")
    #expect(try shell.wait() == .code(0))
    #expect(try world.run().status == .succeeded)
  }

  @Test
  func `Ctrl-Z where nobody could continue it does nothing`() throws {
    let world = try World()
    let terminal = try Terminal()
    let script = "echo '{}'; touch ready; while [ ! -e go ]; do sleep 0.05; done; exit 3"
    let reeve = try world.reeve("run", "script", script, terminal: terminal)
    try eventually("it does not begin") { world.has("ready") }
    try terminal.type("\u{1a}")
    try world.folder.write("go", "")
    #expect(try reeve.wait() == .code(1))
  }
}
