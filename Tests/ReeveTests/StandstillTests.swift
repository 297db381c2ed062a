import Glibc
import Kernel
import Model
import Support
import Testing

/// Time in which the host itself stood still is not the agent's.
@Suite(.tags(.large))
struct StandstillTests {
  @Test
  func `a host that was stopped past idle finds the final word in the pipe and not the clock`() throws {
    let world = try World()
    let script = """
      while [ ! -e go ]; do echo '{"type":"progress"}'; sleep 0.1; done
      echo '{"type":"result","status":"ok","output":"in time"}'
      touch said
      sleep 1000
      """
    let reeve = try world.reeve("run", "script", script, "--limit", "idle=3s", "--limit", "leave=100ms")
    try world.awaitRun("it does not run") { $0.status == .running }
    let host = try reeve.host()
    kill(host, SIGSTOP)
    try contentsWritten(world, "go")
    try eventually("the final word is not said") { world.has("said") }
    // Past the deadline, with the word waiting in the pipe.
    let stopped = Clock.now()
    try eventually("time does not pass") { Clock.now() - stopped > .seconds(4) }
    #expect(try world.run().status == .running)
    kill(host, SIGCONT)
    #expect(try reeve.wait() == .code(0))
    #expect(try world.run().status == .succeeded)
    #expect(reeve.output == "in time\n")
  }

  @Test
  func `a silent agent is given the time in which its host was stopped`() throws {
    let world = try World()
    let script = #"echo '{"type":"progress"}'; sleep 1000"#
    let reeve = try world.reeve("run", "script", script, "--limit", "idle=2s", "--limit", "grace=100ms")
    try world.awaitRun("it does not run") { $0.status == .running }
    let host = try reeve.host()
    kill(host, SIGSTOP)
    let stopped = Clock.now()
    try eventually("time does not pass") { Clock.now() - stopped > .seconds(4) }
    let continued = Clock.wallMilliseconds()
    kill(host, SIGCONT)
    #expect(try reeve.wait() == .code(124))
    let run = try world.run()
    #expect(run.status == .timedOut && run.reason == "idle")
    // Were the stop charged, it would have ended in the moment it went on.
    #expect(try #require(run.settled).milliseconds - continued > 300)
  }

  private func contentsWritten(_ world: World, _ name: String) throws { try world.folder.write(name, "") }
}
