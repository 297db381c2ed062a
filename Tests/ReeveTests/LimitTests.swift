import Glibc
import Kernel
import Model
import Support
import Testing

/// Every limit ends what it should, and nothing else.
@Suite(.tags(.large))
struct LimitTests {
  // H7, T3, T5, T8: each clock has a reason of its own.
  @Test(arguments: [
    ("sleep 1000", "start=300ms", "start"),
    (#"echo '{"type":"progress"}'; sleep 1000"#, "idle=300ms", "idle"),
    (#"while :; do echo '{"type":"text","text":""}'; sleep 0.05; done"#, "idle=500ms", "idle"),
    ("while :; do echo x >&2; sleep 0.05; done", "idle=500ms", "idle"),
    (#"while :; do echo '{"type":"progress"}'; sleep 0.05; done"#, "wall=500ms", "wall"),
    (#"echo '{"type":"tool","id":"t","name":"sh","state":"started"}'; sleep 1000"#, "tool=500ms", "tool"),
  ])
  func `a clock that runs out gives its own reason and keeps what was said`(
    script: String, limit: String, reason: String
  ) throws {
    let world = try World()
    let full = #"echo '{"type":"text","text":"partial"}'; "# + script
    let ended = try world.call(
      "run", "script", reason == "start" ? script : full, "--limit", limit, "--limit", "grace=100ms",
      "--wait", "gone")
    #expect(ended.code == .code(124))
    let run = try world.run()
    #expect(run.status == .timedOut && run.reason == reason)
    #expect(run.text == (reason == "start" ? nil : "partial"))
    let error = try #require(run.error)
    #expect(error.contains("“\(reason)”"))
    #expect(run.disposal == .gone)
    #expect(!isAlive(try #require(run.pid)))
  }

  // A complete final word that lacks only its newline is there: no clock and no cancel wins over it.
  @Test(arguments: ["wall=1s", "idle=1s", "start=1s"])
  func `a final word without its newline wins over a clock`(limit: String) throws {
    let world = try World()
    let script = #"printf '{"type":"result","status":"ok","output":7}'; sleep 1000"#
    let ended = try world.call("run", "script", script, "--limit", limit, "--limit", "idle=2s", "--limit", "leave=0s")
    #expect(ended.code == .code(0) && ended.output == "7\n", "\(ended.errors)")
    #expect(try world.run().status == .succeeded)
  }

  @Test
  func `a final word without its newline wins over a cancel`() throws {
    let world = try World()
    let script = #"printf '{"type":"result","status":"ok","output":7}'; touch said; sleep 1000"#
    let reeve = try world.reeve("run", "script", script, "--limit", "leave=0s")
    try eventually("it says nothing") { world.has("said") }
    try world.awaitRun("it does not run") { $0.status == .running }
    reeve.signal(SIGINT)
    #expect(try reeve.wait() == .code(0))
    #expect(reeve.output == "7\n")
  }

  @Test(arguments: [
    #"print('{"type":"usage"' + ''.join(',"k%d":1' % n for n in range(200000)) + '}')"#,
    #"for n in range(100000): print('{"type":"usage","k%d":1}' % n)"#,
    #"for n in range(200000): print('{"type":"tool","id":"t%d","state":"started"}' % n)"#,
  ])
  func `no line of an agent holds the host up`(program: String) throws {
    let world = try World()
    let script = "python3 -c \(quoted(program)); echo '{\"type\":\"result\",\"status\":\"ok\"}'"
    #expect(try world.call("run", "script", script, "--limit", "wall=50s").code == .code(0))
  }

  private func quoted(_ text: String) -> String { "'" + text.replacing("'", with: #"'\''"#) + "'" }

  // T6
  @Test
  func `an open tool call may be silent for longer than idle`() throws {
    let world = try World()
    let script = #"""
      echo '{"type":"tool","id":"t","name":"sh","state":"started"}'; sleep 1.5
      echo '{"type":"tool","id":"t","name":"sh","state":"finished","ok":true}'
      echo '{"type":"result","status":"ok"}'
      """#
    #expect(try world.call("run", "script", script, "--limit", "idle=300ms", "--wait", "gone").code == .code(0))
    #expect(try world.run().flags == .quietTool)
  }

  // H10, Z1: TERM first, then KILL, over the session.
  @Test
  func `a tree that ignores SIGTERM is killed after its grace, all of its session`() throws {
    let world = try World()
    let script = "trap '' TERM; sleep 1000 & echo $! > child; touch ready; while :; do sleep 0.05; done"
    let reeve = try world.reeve("run", "script", script, "--limit", "grace=300ms", "--wait", "gone")
    try eventually("it does not begin") { world.has("ready") }
    let child = try #require(Int32(contents(world.path("child")).dropLast()))
    reeve.signal(SIGINT)
    #expect(try reeve.wait() == .code(130))
    let run = try world.run()
    #expect(run.exit == .signal(SIGKILL) && run.disposal == .gone)
    #expect(!isAlive(child))
    let gone = try #require(run.gone)
    let settled = try #require(run.settled)
    #expect(gone.milliseconds - settled.milliseconds >= 300)
  }

  @Test
  func `output beyond its limit ends the run, and the transcript stops there`() throws {
    let world = try World()
    let ended = try world.call(
      "run", "script", "yes '{\"type\":\"progress\"}'", "--limit", "output=100KiB", "--limit", "grace=100ms",
      "--wait", "gone")
    #expect(ended.code == .code(1))
    let run = try world.run()
    #expect(run.status == .failed && run.reason == "output_limit")
    #expect(try fileSize(world, run, "transcript.ndjson") == 100 * 1024)
  }

  // O3, O7
  @Test
  func `a line beyond its limit is stored, said to be skipped, and never fatal`() throws {
    let world = try World()
    let script = #"""
      head -c 300000 /dev/zero | tr '\0' x; echo
      echo '{"type":"result","status":"ok"}'
      """#
    #expect(try world.call("run", "script", script, "--limit", "line=64KiB", "--wait", "gone").code == .code(0))
    let run = try world.run()
    #expect(run.notableFlags == .truncatedLine && run.events == 2)
    #expect(try fileSize(world, run, "transcript.ndjson") == 300_001 + 32)
    let logs = try world.call("logs", run.id.description).output
    #expect(logs.hasPrefix(#"{"type":"reeve.skipped","bytes":300000}"# + "\n"))
  }

  // H8, O12
  @Test
  func `stderr is always drained, and its head and its tail are kept`() throws {
    let world = try World()
    let script = #"""
      echo first >&2; head -c 10000000 /dev/zero | tr '\0' x >&2; echo last >&2
      echo '{"type":"result","status":"ok"}'
      """#
    #expect(try world.call("run", "script", script, "--limit", "stderr=64KiB", "--wait", "gone").code == .code(0))
    let run = try world.run()
    let log = try contents("\(world.state)/runs/\(run.id)/stderr.log")
    #expect(log.hasPrefix("first\nxxx") && log.hasSuffix("xxxlast\n"))
    #expect(log.contains("[… \(10_000_000 + 11 - 65_536) bytes left out …]"))
    #expect(log.utf8.count < 66_000)
  }

  // P5: nothing on disk for a run that wrote nothing.
  @Test
  func `a silent run leaves no files`() throws {
    let world = try World()
    #expect(try world.call("run", "shell", "exit 0", "--wait", "gone").code == .code(0))
    #expect(try Directory.open("\(world.state)/runs").entries() == [])
  }

  // M9: the disk is full, and the run goes on.
  @Test
  func `a transcript that cannot be written costs its events and not the verdict`() throws {
    let world: World
    do {
      world = try World(stateBytes: 2 << 20)
    } catch {
      return skip("no file system could be mounted (\(error)): a transcript that cannot be written")
    }
    let script = #"""
      head -c 1000000 /dev/zero > FILLER
      i=0; line=$(head -c 20000 /dev/zero | tr '\0' x)
      while [ $i -lt 100 ]; do echo '{"type":"progress","message":"'$line'"}'; i=$((i+1)); done
      rm FILLER
      echo '{"type":"result","status":"ok","output":"judged from the stream"}'
      """#
    let ended = try world.call(
      "run", "script", script.replacing("FILLER", with: "\(world.state)/filler"), "--wait", "gone")
    #expect(ended.code == .code(0) && ended.output == "judged from the stream\n", "\(ended.errors)")
    let run = try world.run()
    #expect(run.status == .succeeded && run.notableFlags == .transcriptGap)
    #expect(run.events == 101 && run.eventsStored < 90 && run.eventsStored > 10)
    // What is there is whole, and what is missing is said.
    let logs = try world.call("logs", run.id.description).output.split(separator: "\n")
    #expect(logs.count == Int(run.eventsStored) + 1)
    #expect(logs.dropLast().allSatisfy { $0.hasSuffix("x\"}") })
    #expect(logs.last == #"{"type":"reeve.gap","first":\#(run.eventsStored + 1),"last":101}"#)
  }

  @Test
  func `a run that fills the disk itself still gets its verdict recorded`() throws {
    let world: World
    do {
      world = try World(stateBytes: 2 << 20)
    } catch {
      return skip("no file system could be mounted (\(error)): a run that fills the disk")
    }
    let script = #"yes '{"type":"progress"}' | head -c 8000000; echo '{"type":"result","status":"ok"}'"#
    let ended = try world.call("run", "script", script, "--wait", "gone")
    #expect(ended.code == .code(0), "\(ended.errors)")
    let run = try world.run()
    #expect(run.status == .succeeded && run.disposal == .gone && run.flags.contains(.transcriptGap))
  }

  @Test
  func `a file size limit costs the transcript and not the host`() throws {
    let world = try World()
    let script = #"head -c 1000000 /dev/zero | tr '\0' x; echo; echo '{"type":"result","status":"ok"}'"#
    #expect(try world.call("run", "echo", "hi").code == .code(0))
    let shell = try Child(
      "/bin/sh",
      ["-c", "ulimit -f 300; exec \"$0\" run script \"$1\" --wait gone", Repository.program("reeve"), script],
      environment: world.environment, directory: world.folder.path)
    #expect(try shell.wait() == .code(0), "\(shell.errors)")
    #expect(try #require(try world.runs().last).notableFlags.contains(.transcriptGap))
  }

  private func fileSize(_ world: World, _ run: RunRecord, _ name: String) throws -> Int {
    var status = stat()
    try #require(stat("\(world.state)/runs/\(run.id)/\(name)", &status) == 0)
    return Int(status.st_size)
  }
}
