import Glibc
import Kernel
import Ledger
import Model
import Support
import Testing
import Wire

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
    try reeve.killWithHost()
    try eventually("the leader lives") { !isAlive(pids[0]) }
    #expect(isAlive(pids[1]), "the daemon is gone before anybody looked after it")
    let host = try world.host()
    try expectLost(world, pids)
    #expect(host.process.poll() == nil)
  }

  // An idle host makes no rounds until somebody begins of whom it may have to take care: a round later it does.
  @Test
  func `a host that was alone and idle takes care of one that came later and died`() throws {
    let world = try World()
    let host = try world.host()
    let (reeve, pids) = try begin(world)
    try reeve.killWithHost()
    try eventually("nobody takes care of it", within: .seconds(180)) { try world.run().disposal == .gone }
    try expectLost(world, pids)
    #expect(host.process.poll() == nil)
  }

  @Test
  func `reeve recover does the same by hand`() throws {
    let world = try World()
    let (reeve, pids) = try begin(world)
    try reeve.killWithHost()
    let (code, _, errors) = try world.call("recover")
    #expect(code == .code(0) && errors.contains("is lost: its host"))
    try expectLost(world, pids)
  }

  @Test
  func `what has shed its mark is found by its control group, and without one it is not`() throws {
    let world = try World()
    let (reeve, pids) = try begin(world, daemon: "disguise stay")
    let isGrouped = try world.run().containment == .cgroup2
    try reeve.killWithHost()
    #expect(try world.call("recover").code == .code(0))
    if isGrouped {
      try expectLost(world, pids)
    } else {
      skip("no v2 group here: a daemon that has shed its mark outlives host and guardian when both are killed")
      for pid in pids { kill(pid, SIGKILL) }
    }
  }

  // What an agent has put in the place of its transcript, or a stranger, must not be waited for.
  @Test
  func `a FIFO in the place of a transcript holds up no recovery`() throws {
    let world = try World()
    let (reeve, _) = try begin(world)
    let run = try world.run()
    let transcript = "\(world.state)/runs/\(run.id)/transcript.ndjson"
    unlink(transcript)
    try #require(try Child("/usr/bin/mkfifo", [transcript], environment: [:]).wait() == .code(0))
    try reeve.killWithHost()
    let recover = try world.reeve("recover")
    #expect(try recover.wait() == .code(0), "\(recover.errors)")
    #expect(try world.run().status == .lost)
    // Nor is it by who reads it.
    #expect(try world.call("logs", run.id.description).code == .code(3))
    unlink(transcript)
    try world.expectInvariants("after a FIFO")
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

  // P1, T10: settled, because the lock there is nobody's; and nothing is killed, because it is not theirs.
  @Test
  func `in a copied state folder runs are settled and nothing is killed, and the original goes on`() throws {
    let world = try World()
    let script = #"echo $$ > pid; while [ ! -e go ]; do sleep 0.02; done; echo '{"type":"result","status":"ok"}'"#
    let reeve = try world.reeve("run", "script", script)
    let run = try world.awaitRun("it does not run") { $0.status == .running }
    let copy = world.path("copy")
    try #require(try Child("/bin/cp", ["-a", world.state, copy], environment: [:]).wait() == .code(0))
    let original = world.environment["REEVE_STATE"]
    world.environment["REEVE_STATE"] = copy
    let listed = try world.call("ps", "--all")
    #expect(listed.code == .code(0) && listed.output.contains("lost/host_died"), "\(listed.output) \(listed.errors)")
    let why = try world.call("show", "--why", run.id.description).output
    #expect(why.contains("state_folder") && why.contains("copied"), "\(why)")
    world.environment["REEVE_STATE"] = original
    #expect(isAlive(run.pid ?? 0))
    #expect(try world.call("ps").output.contains("running"))
    try world.folder.write("go", "")
    #expect(try reeve.wait() == .code(0))
    #expect(try world.run().status == .succeeded)
  }

  // P1
  @Test
  func `after another boot nothing is killed, whatever has the numbers now`() throws {
    let world = try World()
    let (reeve, pids) = try begin(world)
    try reeve.killWithHost()
    try execute(world, "UPDATE hosts SET boot = 'another'")
    #expect(try world.call("recover").code == .code(0))
    let run = try world.run()
    #expect(run.status == .lost && run.disposal == .gone)
    #expect(isAlive(pids[1]), "a process was killed on evidence of another boot")
    let why = try JSON.parse(try world.call("show", "--why", "--json", run.id.description).output)
    #expect(why["transitions"]?.array?.last?["evidence"]?["boot"] == "another")
    for pid in pids { kill(pid, SIGKILL) }
    try eventually("they live") { !pids.contains { isAlive($0) } }
  }

  // P4, P15
  @Test(arguments: ["missing", "replaced"])
  func `a lock file that is missing or another proves nothing: the host's process is asked for`(found: String) throws {
    let world = try World()
    let (reeve, pids) = try begin(world)
    let run = try world.run()
    let lock = "\(world.state)/hosts/\(run.host).lock"
    unlink(lock)
    if found == "replaced" { try #require(Glibc.creat(lock, 0o600) >= 0) }
    // Nothing that lives is touched, whoever looks.
    #expect(try world.call("recover").code == .code(0))
    let listed = try world.call("ps").output
    #expect(listed.contains("running") && !listed.contains("has died"), "\(listed)")
    #expect(try world.run().status == .running && pids.allSatisfy { isAlive($0) })
    // It still answers.
    try reeve.killWithHost()
    #expect(try world.call("recover").code == .code(0))
    try expectLost(world, pids)
    let why = try JSON.parse(try world.call("show", "--why", "--json", run.id.description).output)
    #expect(why["transitions"]?.array?.last?["evidence"]?["lock"]?.string == found)
    try world.expectInvariants("a lock that was \(found)")
  }

  @Test
  func `eight recoverers at once do no harm: each run is settled once`() throws {
    let world = try World()
    let agent = "exec \(try Repository.program("FakeAgent")) pids daemon stay also say {} stay"
    let hosts = try (0..<4).map { _ in try world.reeve("run", "script", agent) }
    var all: [Int32] = []
    try eventually("they do not begin") {
      all = ((try? contents(world.path("pids"))) ?? "").split(separator: "\n").compactMap { Int32($0) }
      return all.count == 8
    }
    for host in hosts { try host.killWithHost() }
    let recoverers = try (0..<8).map { _ in try world.reeve("recover") }
    for recoverer in recoverers { #expect(try recoverer.wait() == .code(0), "\(recoverer.errors)") }
    let told = recoverers.flatMap { $0.errors.split(separator: "\n").filter { $0.contains("is lost") } }
    // Each is told once at most: a host that lived a little longer may have been the one.
    #expect(Set(told).count == told.count && told.count <= 4, "\(told)")
    try eventually("not all are buried") { try world.runs().allSatisfy { $0.gone != nil } }
    #expect(try world.runs().map(\.status) == [.lost, .lost, .lost, .lost])
    try eventually("something lives") { !all.contains { isAlive($0) } }
    try world.expectInvariants("after eight recoverers")
  }

  // O9, R10: by a host that had not even written down that it runs.
  @Test(arguments: ["ok", "error"])
  func `a run whose agent had spoken before its host died is what the agent said, with all it said`(word: String) throws
  {
    let world = try World()
    // The last line lacks its newline: it may go on, so that the host still waits when it dies.
    let script = """
      echo '{"type":"session","id":"abc"}'; echo '{"type":"text","text":"thinking"}'; echo noise
      echo '{"type":"usage","input_tokens":5,"cost_usd":0.5}'
      printf '{"type":"result","status":"\(word)","output":{"a":1},"error":"no luck"}'; touch spoken; sleep 1000
      """
    let reeve = try world.reeve("run", "script", script)
    try eventually("it does not speak") { world.has("spoken") }
    try eventually("it is not heard") {
      let runs = try Directory.open("\(world.state)/runs").entries()
      return runs.contains { ((try? contents("\(world.state)/runs/\($0)/transcript.ndjson")) ?? "").contains("luck") }
    }
    try reeve.killWithHost()
    #expect(try world.call("ps").code == .code(0))
    let run = try world.run()
    #expect(run.status == (word == "ok" ? .succeeded : .failed) && run.reason == (word == "ok" ? nil : "agent"))
    #expect(run.output?.text == (word == "ok" ? #"{"a":1}"# : nil) && run.error == (word == "ok" ? nil : "no luck"))
    #expect(run.text == "thinking" && run.session == "abc" && run.usage?.text == #"{"input_tokens":5}"#)
    #expect(run.cost == 0.5 && run.events == 5 && run.noise == 1 && run.disposal == .gone)
    let why = try JSON.parse(try world.call("show", "--why", "--json", run.id.description).output)
    let evidence = why["transitions"]?.array?.last?["evidence"]
    #expect(
      evidence?["final_word"] == ["event": .integer(5), "said": word == "ok" ? "success" : "failure"], "\(why.text)")
    #expect(evidence?["lock"] == "free" && evidence?["boot"] == "same")
    try world.expectInvariants("after a final word")
  }

  @Test
  func `a success that needs its exit is lost with its host, and so is what is judged by its exit`() throws {
    let world = try World()
    let word = #"echo '{"type":"result","status":"ok"}'; "#
    for (name, more, said) in [("strict", #""success_needs_exit":true"#, word), ("mute", #""result":"exit""#, "")] {
      try world.addPlugin(name, #"{"name":"\#(name)","version":"1","command":["/bin/sh","-c","{prompt}"],\#(more)}"#)
      let reeve = try world.reeve("run", name, "\(said)touch \(name); sleep 1000")
      try eventually("it does not speak") { world.has(name) }
      try reeve.killWithHost()
    }
    #expect(try world.call("recover").code == .code(0))
    let runs = try world.runs()
    #expect(
      runs.map(\.status) == [.lost, .lost], "\(runs.map { "\($0.status)/\($0.reason ?? "-"): \($0.error ?? "")" })")
  }

  // P15. REEVE_STOP_SECONDS changes how long.
  @Test
  func `a host that is stopped and continued has lost nothing and broken nothing, whoever looked meanwhile`() throws {
    let seconds = TestEnvironment.value("REEVE_STOP_SECONDS").flatMap { UInt32($0) } ?? 3
    let world = try World()
    let script = """
      touch ready; while [ ! -e go ]; do sleep 0.02; done; echo '{"n":1}'; echo '{"type":"result","status":"ok","output":2}'
      """
    let reeve = try world.reeve("run", "script", script)
    try eventually("it does not begin") { world.has("ready") }
    try world.awaitRun("it does not run") { $0.status == .running }
    let host = try reeve.host()
    kill(host, SIGSTOP)
    try world.folder.write("go", "")
    let other = try world.host()
    for _ in 0..<3 { #expect(try world.call("recover").code == .code(0)) }
    sleep(seconds)
    let stopped = try world.run()
    #expect(stopped.status == .running, "\(stopped.status) \(stopped.reason ?? "") \(stopped.error ?? "")")
    kill(host, SIGCONT)
    #expect(try reeve.wait() == .code(0), "\(reeve.errors)")
    let run = try world.awaitRun("it is not buried") { $0.gone != nil }
    #expect(run.status == .succeeded && run.output?.text == "2" && run.events == 2)
    try other.end()
    try world.expectInvariants("after a stop")
  }

  @Test
  func `a verdict that a host of an older Reeve had kept aside is recorded, and its run ends`() throws {
    let world = try World()
    let host = try world.host()
    let id = try host.start("script", "while [ ! -e go ]; do sleep 0.02; done")
    var run = try world.awaitRun("it does not run") { $0.status == .running && $0.pid != nil }
    let pid = try #require(run.pid)
    host.process.signal(SIGKILL)
    try host.process.wait()
    try world.folder.write("go", "")
    try eventually("the agent lives") { !isAlive(pid) }
    let hosts = try Directory.open("\(world.state)/hosts")
    guard case .host(let record)? = try Spill.read(in: hosts, host: run.host).first else {
      throw TestFailure("the spill does not begin with its host")
    }
    (run.status, run.reason, run.exit, run.error) = (.failed, "exit", .code(7), "it ended with code 7")
    (run.disposal, run.settled, run.gone) = (.gone, run.started, run.started)
    var spill = OldSpill(of: record)
    spill.append(run, from: .running, evidence: #"{"exit":{"code":7}}"#)
    #expect(TestFile.write(spill.bytes, to: "\(hosts.path)/\(Spill.name(of: run.host))"))

    let recovered = try world.call("recover")
    #expect(recovered.code == .code(0) && recovered.errors.contains("had kept aside"), "\(recovered.errors)")
    let row = try world.run()
    #expect(row.id.description == id && row.status == .failed && row.exit == .code(7) && row.gone != nil)
    #expect(try hosts.entries().isEmpty)
    try world.expectInvariants("after an old spill")
  }

  private func execute(_ world: World, _ statement: String) throws {
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
    let child = try Child(
      "/usr/bin/env", ["python3", "-c", script, "\(world.state)/ledger.db", statement], environment: world.environment)
    try #require(try child.wait() == .code(0), "\(child.errors)")
  }

  @Test
  func `recover says what is wrong with what it is told`() throws {
    let world = try World()
    #expect(try world.call("recover", "--host", "x").code == .code(2))
    #expect(try world.call("recover", "--exit", "77").code == .code(2))
    #expect(try world.call("recover").code == .code(0))
  }
}
