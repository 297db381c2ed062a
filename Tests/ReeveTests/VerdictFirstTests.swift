import Glibc
import Kernel
import Model
import Support
import Testing
import Wire

/// Promise 2: a verdict never waits for a process.
@Suite(.tags(.large))
struct VerdictFirstTests {
  /// An agent that has answered, ignores SIGTERM and never exits.
  static let stubborn = """
    trap '' TERM
    echo '{"type":"result","status":"ok","output":"the answer"}'
    while :; do sleep 1; done
    """

  // H1, H5
  @Test
  func `a line that a process left behind brings to its end is one event`() throws {
    let world = try World()
    let host = try world.host()
    let script = """
      trap '' TERM
      echo '{}'
      ( while [ ! -e go ]; do sleep 0.05; done; echo 'ess"}'
        while [ ! -e stop ]; do sleep 0.05; done ) &
      printf '{"type":"progr'
      """
    let id = try host.start("script", script, limits: ["grace": "1h"])
    try host.awaitRun(id, "no verdict") { $0["reason"]?.string == "truncated" }
    try world.folder.write("go", "")
    let path = "\(world.state)/runs/\(id)/transcript.ndjson"
    let lines = "{}\n{\"type\":\"progress\"}\n"
    try eventually("the line is not finished") { try contents(path) == lines }
    try world.folder.write("stop", "")
    let gone = try host.awaitRun(id, "it is not buried") { $0["disposal"]?.string == "gone" }
    #expect(gone["events"]?.integer == 2 && gone["noise"]?.integer == 0)
    #expect(gone["flags"]?.array?.contains("truncated_line") == true)
  }

  @Test(arguments: [("printf '{\"type\":\"progr'", Int64(1)), (#"printf '{"type":"progress"}'"#, 0)])
  func `a last line without a newline is counted, also when somebody else holds the pipe`(
    line: String, noise: Int64
  ) throws {
    let world = try World()
    let script = "trap '' TERM; echo '{}'; ( while [ ! -e go ]; do sleep 0.05; done ) & \(line)"
    let reeve = try world.reeve("run", "script", script, "--limit", "grace=1h", "--wait", "gone")
    try world.awaitRun("no verdict") { $0.status == .failed }
    try world.folder.write("go", "")
    #expect(try reeve.wait() == .code(1))
    let run = try world.run()
    #expect(run.reason == (noise == 1 ? "truncated" : "no_result"))
    #expect(run.events == 2 && run.noise == noise && run.eventsStored == 2)
  }

  @Test
  func `the answer is on screen and in the ledger while its process still lives`() throws {
    let world = try World()
    let reeve = try world.reeve("run", "script", Self.stubborn, "--limit", "leave=10m", "--wait", "gone")
    let run = try world.awaitRun("no verdict was recorded") { $0.status.isTerminal }
    let pid = try #require(run.pid)
    try eventually("the answer is not printed") { reeve.output == "the answer\n" }
    #expect(isAlive(pid))
    #expect(reeve.poll() == nil)
    #expect(run.status == .succeeded)
    #expect(run.output?.text == #""the answer""#)
    #expect(run.disposal == .leaving)
    #expect(run.gone == nil)
    // Asked to hurry, it goes; the verdict stays.
    reeve.signal(SIGQUIT)
    #expect(try reeve.wait() == .code(0))
    #expect(!isAlive(pid))
    #expect(try world.run().status == .succeeded)
  }

  @Test
  func `a process that does not leave is gone after leave and grace, and the record says so`() throws {
    let world = try World()
    let reeve = try world.reeve(
      "run", "script", Self.stubborn, "--limit", "leave=300ms", "--limit", "grace=400ms", "--wait", "gone")
    #expect(try reeve.wait() == .code(0))
    let run = try world.run()
    #expect(run.status == .succeeded && run.disposal == .gone)
    #expect(run.notableFlags == .lingered)
    #expect(run.exit == .signal(SIGKILL))
    let settled = try #require(run.settled)
    let gone = try #require(run.gone)
    #expect(gone.milliseconds - settled.milliseconds >= 700)
    #expect(!isAlive(try #require(run.pid)))
  }

  // H9, Z15: it holds the pipe open, or keeps it full.
  @Test(arguments: ["while :; do sleep 1; done", "yes"])
  func `an exit is judged at once, whatever a grandchild does with stdout`(grandchild: String) throws {
    let world = try World()
    let reeve = try world.reeve(
      "run", "script", "trap '' TERM; (echo $BASHPID; \(grandchild)) & echo $! > child; exit 3", "--limit", "grace=10m",
      "--wait", "gone")
    let run = try world.awaitRun("no verdict was recorded") { $0.status.isTerminal }
    let child = try #require(Int32(contents(world.path("child")).dropLast()))
    // Judged, and the grandchild still writes: nobody waited for the end of the stream.
    #expect(isAlive(child))
    #expect(run.status == .failed && run.reason == "exit" && run.exit == .code(3))
    #expect(run.disposal == .terminating)
    #expect(run.flags.contains(.leftovers))
    reeve.signal(SIGQUIT)
    #expect(try reeve.wait() == .code(1))
    #expect(!isAlive(child))
    #expect(try world.run().disposal == .gone)
  }

  // H3, R3
  @Test
  func `what comes after the verdict changes facts, and never the verdict`() throws {
    let world = try World()
    let script = """
      echo '{"type":"result","status":"ok","output":1}'
      echo '{"type":"result","status":"error","error":"late"}'
      echo garbage
      exit 7
      """
    #expect(try world.call("run", "script", script, "--wait", "gone").code == .code(0))
    let run = try world.run()
    #expect(run.status == .succeeded && run.output?.text == "1" && run.error == nil)
    #expect(run.exit == .code(7))
    #expect(run.notableFlags == [.exitMismatch, .noise])
    #expect(run.events == 3)
  }

  // H2
  @Test
  func `a host ends when its run is over, without sitting out any timer`() throws {
    let world = try World()
    let began = Clock.now()
    #expect(try world.call("run", "echo", "x", "--limit", "leave=10m", "--wait", "gone").code == .code(0))
    #expect((Clock.now() - began) < .seconds(60))
  }
}
