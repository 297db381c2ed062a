import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// What a person sees and types.
@Suite(.tags(.large))
struct CommandTests {
  @Test(arguments: [
    ("script", #"echo '{"type":"result","status":"ok"}'"#, Int32(0), "succeeded"),
    ("script", #"echo '{"type":"result","status":"error","error":"no luck"}'"#, 1, "failed/agent"),
    ("script", "exit 3", 1, "failed/exit"), ("script", "kill -SEGV $$", 1, "failed/signal"),
    ("script", "exit 0", 1, "failed/no_result"), ("script", #"printf '{"type":"res'"#, 1, "failed/truncated"),
    ("script", #"printf '{"type":"result","status":"ok"}'"#, 0, "succeeded"),
    ("shell", "echo fine", 0, "succeeded"), ("shell", "printf fine", 0, "succeeded"),
    ("shell", "exit 9", 1, "failed/exit"),
    ("script", "echo oops >&2; exit 3", 1, "oops"), ("script", "sleep 1000", 124, "timed_out/start"),
  ])
  func `each outcome has its exit code and its word`(plugin: String, script: String, code: Int32, word: String) throws {
    let world = try World()
    let ended = try world.call("run", plugin, script, "--limit", "start=2s", "--limit", "grace=100ms")
    #expect(ended.code == .code(code), "\(ended.errors)")
    let run = try world.run()
    let status = [run.status.rawValue, run.reason].compactMap { $0 }.joined(separator: "/")
    if code == 0 {
      #expect(status == word)
      #expect(ended.errors == "")
    } else {
      #expect(ended.errors.contains(word), "\(ended.errors)")
      #expect(ended.errors.contains(status))
      #expect(ended.errors.split(separator: "\n").count == 1)
    }
  }

  @Test
  func `how a program ends is seen even where whoever started the host ignores SIGCHLD`() throws {
    let world = try World()
    let reeve = try Child(
      "/usr/bin/env", ["--ignore-signal=CHLD", Repository.program("reeve"), "run", "shell", "exit 3"],
      environment: world.environment)
    #expect(try reeve.wait() == .code(1))
    #expect(try world.run().exit == .code(3), "\(reeve.errors)")
  }

  // X5, X15
  @Test
  func `one SIGINT lets an agent end in good order, two give it no time`() throws {
    let world = try World()
    let script = "trap 'sleep 0.2; touch flushed; exit 0' TERM; touch ready; while :; do sleep 0.05; done"
    let polite = try world.reeve("run", "script", script, "--wait", "gone")
    try eventually("it does not begin") { world.has("ready") }
    polite.signal(SIGINT)
    #expect(try polite.wait() == .code(130))
    #expect(world.has("flushed"))
    let run = try world.run()
    #expect(run.status == .cancelled && run.reason == "client" && run.exit == .code(0))

    let hurried = try World()
    let reeve = try hurried.reeve(
      "run", "script", "trap '' TERM; touch ready; while :; do sleep 0.05; done", "--limit", "grace=10m",
      "--wait", "gone")
    try eventually("it does not begin") { hurried.has("ready") }
    reeve.signal(SIGINT)
    let cancelled = try hurried.awaitRun("it is not cancelled") { $0.status == .cancelled }
    // Cancelled at once, though it lives on.
    #expect(isAlive(try #require(cancelled.pid)))
    reeve.signal(SIGINT)
    #expect(try reeve.wait() == .code(130))
    #expect(!isAlive(try #require(cancelled.pid)))
  }

  @Test(arguments: [(SIGTERM, "shutdown"), (SIGHUP, "disconnect")])
  func `a signal to the host is told apart in the reason`(signal: Int32, reason: String) throws {
    let world = try World()
    let reeve = try world.reeve("run", "script", "touch ready; sleep 1000")
    try eventually("it does not begin") { world.has("ready") }
    reeve.signal(signal)
    #expect(try reeve.wait() == .code(130))
    #expect(try world.run().reason == reason)
  }

  // X3: from a process that does not own the run.
  @Test
  func `a run is cancelled and followed from another process, through its host's socket`() throws {
    let world = try World()
    let script = #"""
      echo '{"type":"text","text":"one"}'; echo 'not json'
      while [ ! -e go ]; do sleep 0.05; done
      echo '{"type":"text",  "text":"two\u00e9"}'; touch said; sleep 1000
      """#
    let owner = try world.reeve("run", "script", script, "--wait", "gone")
    let run = try world.awaitRun("it does not run") { $0.status == .running }
    let name = run.id.description
    let follower = try world.reeve("logs", "-f", name)
    let first = "{\"type\":\"text\",\"text\":\"one\"}\n{\"type\":\"reeve.text\",\"text\":\"not json\"}\n"
    try eventually("the first events do not come") { follower.output == first }
    #expect(try world.call("ps").output.contains(name))
    try world.folder.write("go", "")
    // Byte for byte, with its white space and its escapes.
    let both = first + #"{"type":"text",  "text":"two\u00e9"}"# + "\n"
    try eventually("the next event does not come: \(follower.output)") { follower.output == both }
    #expect(follower.poll() == nil)

    let cancelled = try world.call("cancel", String(name.prefix(20)))
    #expect(cancelled.code == .code(0) && cancelled.output == "cancelled \(name)\n", "\(cancelled.errors)")
    #expect(try owner.wait() == .code(130), "\(owner.errors)")
    #expect(try follower.wait() == .code(0), "\(follower.errors)")
    #expect(follower.output == both)
    // X1: a second cancel is honest.
    let again = try world.call("cancel", name)
    #expect(again.code == .code(0) && again.output.contains("had already ended: cancelled"))
    #expect(try world.call("ps").output.contains("no run is live"))
  }

  // X3
  @Test
  func `a host that lives but does not answer is said to be unreachable, and nothing is changed`() throws {
    let world = try World()
    let owner = try world.reeve("run", "script", "touch ready; sleep 1000")
    try eventually("it does not begin") { world.has("ready") }
    let run = try world.awaitRun("it does not run") { $0.status == .running }
    let host = try owner.host()
    kill(host, SIGSTOP)
    let refused = try world.call("cancel", run.id.description)
    #expect(refused.code == .code(3) && refused.errors.contains("owner_unreachable"), "\(refused.errors)")
    #expect(try world.run().status == .running)
    kill(host, SIGCONT)
    owner.signal(SIGINT)
    #expect(try owner.wait() == .code(130), "\(owner.errors)")
  }

  // A terminal does what it is told to by an escape.
  @Test
  func `what an agent says does nothing to a terminal, and is passed on to a program as it is`() throws {
    let world = try World()
    let said = #"echo '{"type":"text","text":"a\\u001b]0;b\\u0007c"}';"#
    let success = said + #"echo '{"type":"result","status":"ok","output":"d\\u001b[2Je"}'"#
    let terminal = try Terminal()
    let shown = try world.reeve("run", "script", success, terminal: terminal)
    try eventually("it does not end: \(terminal.screen)") {
      _ = terminal.screen; return shown.poll() != nil
    }
    #expect(terminal.screen.contains("a\u{fffd}]0;b\u{fffd}c"), "\(terminal.screen)")
    #expect(!terminal.screen.contains("\u{1b}]0") && !terminal.screen.contains("\u{1b}[2J"))
    #expect(try world.call("run", "script", success).output == "d\u{1b}[2Je\n")

    let failure = #"echo '{"type":"result","status":"error","error":"f\\u001b[2Jg"}'"#
    #expect(try world.call("run", "script", failure).errors.contains("f\u{fffd}[2Jg"))
  }

  @Test
  func `logs, show and ps tell of a run when it is over`() throws {
    let world = try World()
    let script = #"""
      echo '{"type":"session","id":"s-1"}'; echo '{"type":"usage","input_tokens":3,"cost_usd":0.5}'
      echo '{"type":"usage","input_tokens":4,"output_tokens":1}'; echo warned >&2
      printf '{"type":"result","status":"ok","output":{"b":[1, 2.50]}}'
      """#
    let ended = try world.call("run", "script", script, "--label", "ticket=7", "--json", "--wait", "gone")
    #expect(ended.code == .code(0), "\(ended.errors)")
    let name = try #require(try JSON.parse(ended.output)["id"]?.string)
    let shown = try JSON.parse(try world.call("show", name, "--json").output)
    // The result is exactly what the agent wrote.
    #expect(try world.call("show", name, "--json").output.contains(#""output":{"b":[1, 2.50]}"#))
    #expect(shown["session"] == "s-1" && shown["status"] == "succeeded" && shown["disposal"] == "gone")
    #expect(shown["usage"] == ["input_tokens": .integer(7), "output_tokens": .integer(1)])
    #expect(shown["cost_usd"] == .number(0.5) && shown["labels"] == ["ticket": "7"] && shown["recorded"] == true)
    #expect(shown["limits"]?["wall"] == ["value": "6h", "from": "default"])
    #expect(shown["exit"] == ["code": .integer(0)])
    let logs = try world.call("logs", name).output
    #expect(logs.split(separator: "\n").count == 4 && logs.hasSuffix("]}}\n"))
    #expect(try world.call("logs", name, "--after", "3").output == logs.split(separator: "\n")[3] + "\n")
    #expect(try world.call("logs", name, "-f").output == logs)
    #expect(try world.call("logs", name, "--stderr").output == "warned\n")
    #expect(try world.call("ps", "--all").output.contains("succeeded"))
    #expect(try JSON.parse(try world.call("ps", "-a", "--json").output) == [.object(try excerpt(shown))])
    #expect(try world.call("show", name).output.contains("s-1"))
  }

  /// What a list has of a run: all but the names of its variables.
  private func excerpt(_ run: JSON) throws -> JSONObject {
    guard case .object(var object) = run else { throw RPCError.parseError }
    #expect(object["environment"] != nil)
    object["environment"] = nil
    return object
  }

  @Test
  func `a terminal shows the text as it comes, and a status line that goes away`() throws {
    let world = try World()
    world.environment["TERM"] = "xterm"
    let terminal = try Terminal()
    let script = #"""
      printf '%s\n' '{"type":"text","text":"thinking\n"}'
      while [ ! -e go ]; do sleep 0.05; done
      echo '{"type":"result","status":"ok","output":{"n":1}}'
      """#
    let reeve = try world.reeve("run", "script", script, terminal: terminal)
    try eventually("the text does not come: \(terminal.screen)") { terminal.screen.contains("thinking\r\n") }
    #expect(reeve.poll() == nil)
    try eventually("there is no status line: \(terminal.screen)") { terminal.screen.contains("script running · ") }
    try world.folder.write("go", "")
    #expect(try reeve.wait() == .code(0))
    // Whatever was drawn last was wiped away.
    #expect(terminal.screen.hasSuffix("\r\u{1b}[K"))
  }

  @Test
  func `Ctrl-C on a terminal cancels`() throws {
    let world = try World()
    let terminal = try Terminal()
    let reeve = try world.reeve("run", "script", "touch ready; sleep 1000", terminal: terminal)
    try eventually("it does not begin") { world.has("ready") }
    try terminal.type("\u{3}")
    #expect(try reeve.wait() == .code(130))
    #expect(try world.run().reason == "client")
  }

  // Z10
  @Test
  func `a reader of stdout that goes away ends no run`() throws {
    let world = try World()
    let script = "echo '{\"type\":\"text\",\"text\":\"x\"}'; sleep 0.3; echo '{\"type\":\"result\",\"status\":\"ok\"}'"
    let shell = try Child(
      "/bin/sh", ["-c", "\"$0\" run script \"$1\" 2>&1 | true", Repository.program("reeve"), script],
      environment: world.environment, directory: world.folder.path)
    try shell.wait()
    try world.awaitRun("the run does not end well") { $0.status == .succeeded && $0.disposal == .gone }
  }

  @Test
  func `a signal ends a host whose answer nobody reads`() throws {
    let world = try World()
    let script = #"""
      printf '{"type":"result","status":"ok","output":"'; head -c 500000 /dev/zero | tr '\0' x; echo '"}'
      """#
    // The reader is there and never reads.
    let shell = try Child(
      "/bin/sh", ["-c", "(exec \"$0\" run script \"$1\") | sleep 1000", Repository.program("reeve"), script],
      environment: world.environment, directory: world.folder.path)
    try world.awaitRun("the run is held up") { $0.status == .succeeded && $0.disposal == .gone }
    let reeve = try ProcessTable.all().first { $0.name == "reeve-guardian" && $0.session == shell.pid }
    let pid = try #require(reeve?.pid)
    #expect(isAlive(pid))
    let host = try hostOf(guardian: pid)
    kill(pid, SIGINT)
    try eventually("the host does not end") { !isAlive(pid) && !isAlive(host) }
    for process in try ProcessTable.members(ofSession: shell.pid) { kill(process.pid, SIGKILL) }
  }

  @Test
  func `an answer that cannot be written is no success`() throws {
    let world = try World()
    for (words, redirection) in [("run echo hi", ">/dev/full"), ("run echo hi --json", ">&-"), ("help", ">/dev/full")] {
      let shell = try Child(
        "/bin/sh", ["-c", "exec \"$0\" \(words) \(redirection)", Repository.program("reeve")],
        environment: world.environment, directory: world.folder.path)
      #expect(try shell.wait() == .code(3))
      #expect(shell.errors.hasPrefix("reeve: stdout: ") && shell.errors.split(separator: "\n").count == 1)
    }
    #expect(try world.runs().allSatisfy { $0.status == .succeeded })
  }

  @Test
  func `a relative REEVE_STATE is taken from the current directory`() throws {
    let world = try World()
    world.environment["REEVE_STATE"] = "here/state"
    #expect(try world.call("run", "echo", "hi").code == .code(0))
    #expect(world.has("here/state/ledger.db"))
  }

  @Test
  func `the bundled echo says exactly what it was told`() throws {
    let world = try World()
    let text = "a\\b \"c\" \t\u{1}\u{1f} é\nsecond\n\nlast"
    let ended = try world.call("run", "echo", text)
    #expect(ended.output == text + "\n", "\(ended.errors)")
  }

  @Test
  func `version and help say what they should`() throws {
    let world = try World()
    #expect(try world.call("version").output.hasPrefix("reeve "))
    #expect(try JSON.parse(try world.call("version", "--json").output)["version"]?.string != nil)
    let help = try world.call("help").output
    for word in ["run PLUGIN", "ps", "show RUN", "logs RUN", "cancel RUN", "124", "137", "130"] {
      #expect(help.contains(word))
    }
    #expect(try world.call("run", "--help").output.contains("--limit NAME=VALUE"))
    #expect(try world.call("help", "logs").output.contains("--follow"))
  }
}
