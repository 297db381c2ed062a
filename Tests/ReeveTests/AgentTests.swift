import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// Agents that speak a language of their own, as shell scripts that play them: the prompt is the script.
@Suite(.tags(.large))
struct AgentTests {
  /// A manifest with these members besides; `$1` of a script that goes on is the session.
  private func add(_ world: World, _ members: String) throws {
    try world.addPlugin(
      "agent",
      #"""
      {"name":"agent","version":"1","command":["/bin/sh","-c","{prompt}"],
       "resume":["/bin/sh","-c","{prompt}","agent","{session}"],\#(members)}
      """#)
  }

  private func json(_ world: World, _ words: String...) throws -> JSON {
    let child = try Child(
      Repository.program("reeve"), words + ["--json"], environment: world.environment, directory: world.folder.path)
    _ = try child.wait()
    return try JSON.parse(child.output)
  }

  // MARK: - Usage and budgets

  private static let metered = #"""
    "dialect":{"cumulative":["cost_usd","output_tokens"],"rules":[
      {"when":{"/k":"hello"},"session":"/id"},
      {"when":{"/k":"said"},"text":"/text"},
      {"when":{"/k":"used"},"usage":{"input_tokens":"/in","output_tokens":"/out"},"cost":"/usd"},
      {"when":{"/k":"end"},"usage":{"output_tokens":"/out"},"cost":"/usd","success":"/text"}]}
    """#

  // R10
  @Test(arguments: [
    ("cost=0.5", #""usd":0.6"#, "“cost”"), ("tokens=100", #""in":60,"out":50"#, "“tokens”"),
  ])
  func `a budget that is used up ends the run, and what was said until then is kept`(
    limit: String, figures: String, words: String
  ) throws {
    let world = try World()
    try add(world, Self.metered)
    let script = #"echo '{"k":"said","text":"half"}'; echo '{"k":"used",\#(figures)}'; sleep 1000"#
    let run = try json(world, "run", "agent", script, "--limit", limit, "--wait", "gone")
    #expect(run["status"] == "failed" && run["reason"] == "budget" && run["text"] == "half", "\(run.text)")
    #expect(run["error"]?.string?.contains(words) == true)
    #expect(run["cost_usd"] == (limit.hasPrefix("cost") ? .number(0.6) : .null))
    #expect(run["disposal"] == "gone")
  }

  @Test
  func `within its budget nothing happens, and a final word that comes with the last figure stands`() throws {
    let world = try World()
    try add(world, Self.metered)
    let script = #"echo '{"k":"used","usd":0.4}'; echo '{"k":"end","usd":9,"out":7,"text":"done"}'"#
    let run = try json(world, "run", "agent", script, "--limit", "cost=0.5", "--wait", "gone")
    #expect(run["status"] == "succeeded" && run["text"] == "done" && run["cost_usd"]?.number == 9, "\(run.text)")
  }

  @Test
  func `figures that an agent adds up over its session are kept as they came, and the run has its own part`() throws {
    let world = try World()
    try add(world, Self.metered)
    let first = try json(
      world, "run", "agent", #"echo '{"k":"hello","id":"s"}'; echo '{"k":"end","usd":0.000462,"out":14}'"#, "--wait",
      "gone")
    let id = try #require(first["id"]?.string)
    #expect(first["cost_usd"] == .number(0.000462) && first["usage"]?.text == #"{"output_tokens":14}"#)
    let second = try json(
      world, "resume", id, #"echo '{"k":"hello","id":"s"}'; echo '{"k":"end","usd":0.000693,"out":21}'"#, "--wait",
      "gone")
    #expect(
      second["cost_usd"] == .number(0.000231) && second["usage"]?.text == #"{"output_tokens":7}"#, "\(second.text)")
    #expect(second["cumulative"]?.text == #"{"output_tokens":21,"cost_usd":0.000693}"#)
    // One that says nothing of what it used does not break the chain.
    let third = try json(world, "resume", try #require(second["id"]?.string), #"echo '{"k":"end"}'"#, "--wait", "gone")
    #expect(third["cost_usd"] == .null && third["usage"] == .null && third["cumulative"] == nil)
    let fourth = try json(
      world, "resume", try #require(third["id"]?.string), #"echo '{"k":"end","usd":0.001,"out":30}'"#, "--wait", "gone")
    #expect(
      fourth["cost_usd"] == .number(0.000307) && fourth["usage"]?.text == #"{"output_tokens":9}"#, "\(fourth.text)")
  }

  @Test
  func `what a session had used before is unknown when nobody has seen it, and then so is the run's part`() throws {
    let world = try World()
    try add(world, Self.metered)
    let host = try world.host()
    let started = try host.call(
      "run/start",
      [
        "plugin": "agent", "prompt": #"echo '{"k":"end","usd":0.5,"out":3}'"#, "cwd": .string(world.folder.path),
        "session": "elsewhere",
      ])
    let id = try #require(started["run"]?["id"]?.string)
    let run = try host.awaitRun(id, "it does not end") { $0["disposal"] == "gone" }
    #expect(run["status"] == "succeeded" && run["cost_usd"] == .null && run["usage"] == .null, "\(run.text)")
    #expect(run["cumulative"]?.text == #"{"output_tokens":3,"cost_usd":0.5}"#)
  }

  @Test
  func `figures that a run still tells on its way out are the base of the next, which waited for it`() throws {
    let world = try World()
    try add(world, Self.metered)
    let host = try world.host()
    let started = try host.call(
      "run/start",
      [
        "plugin": "agent", "cwd": .string(world.folder.path),
        "prompt": .string(
          #"echo '{"k":"hello","id":"s"}'; echo '{"k":"end","out":100,"text":"a"}'; while ! test -e go; do sleep 0.05; done; echo '{"k":"used","out":250}'"#
        ),
        "limits": ["leave": "1h"],
      ])
    let first = try #require(started["run"]?["id"]?.string)
    try host.awaitRun(first, "it says nothing") { $0["status"] == "succeeded" && $0["recorded"] == .bool(true) }
    let resumed = try host.call(
      "run/resume", ["run": .string(first), "prompt": #"echo '{"k":"end","out":300,"text":"b"}'"#])
    let second = try #require(resumed["run"]?["id"]?.string)
    try world.folder.write("go", "")
    let run = try host.awaitRun(second, "it does not end") { $0["disposal"] == "gone" }
    #expect(run["usage"]?.text == #"{"output_tokens":50}"#, "\(run.text)")
  }

  @Test
  func `what goes on in another session than it was asked to has no base`() throws {
    let world = try World()
    try add(world, Self.metered)
    let first = try json(
      world, "run", "agent", #"echo '{"k":"hello","id":"a"}'; echo '{"k":"end","out":14}'"#, "--wait", "gone")
    let second = try json(
      world, "resume", try #require(first["id"]?.string),
      #"echo '{"k":"hello","id":"b"}'; echo '{"k":"end","out":21}'"#, "--wait", "gone")
    #expect(second["session"] == "b" && second["usage"] == .null, "\(second.text)")
    #expect(second["cumulative"]?.text == #"{"output_tokens":21}"#)
  }

  @Test
  func `a budget that is known to be used up only with the last word is flagged, and the work stays done`() throws {
    let world = try World()
    try add(world, Self.metered)
    let run = try json(
      world, "run", "agent", #"echo '{"k":"end","usd":9,"text":"done"}'"#, "--limit", "cost=0.5", "--wait", "gone")
    #expect(run["status"] == "succeeded" && run["flags"] == ["over_budget"], "\(run.text)")
  }

  @Test
  func `of a session that began elsewhere what comes on top is held against the budget`() throws {
    let world = try World()
    try add(world, Self.metered)
    let host = try world.host()
    let script = #"echo '{"k":"used","usd":5}'; sleep 0.2; echo '{"k":"used","usd":6}'; sleep 1000"#
    let started = try host.call(
      "run/start",
      [
        "plugin": "agent", "prompt": .string(script), "cwd": .string(world.folder.path), "session": "elsewhere",
        "limits": ["cost": .number(0.5)],
      ])
    let id = try #require(started["run"]?["id"]?.string)
    let run = try host.awaitRun(id, "it does not end") { $0["status"] == "failed" }
    #expect(run["reason"] == "budget" && run["cost_usd"] == .null, "\(run.text)")
  }

  // MARK: - Clocks

  private static let streaming = #"""
    "dialect":[{"when":{"/k":"delta"},"text_delta":"/text"},{"when":{"/k":"tool"},"tool_started":{"id":"/id"}},
      {"when":{"/k":"tooled"},"tool_finished":{"id":"/id"}},{"when":{"/k":"end"},"success":true},
      {"when":{"/k":"retry"},"retrying":"/why"},{"when":{"/k":"ask"},"attention":true}]
    """#

  // T5
  @Test(arguments: [
    #"echo '{"k":"delta","text":""}'"#, #"echo '{"k":"other"}'"#, "echo noise", "echo noise >&2", "printf x",
    #"echo '{"k":"retry","why":"429"}'"#,
  ])
  func `bytes and events without content hold off no clock but the first`(script: String) throws {
    let world = try World()
    try add(world, Self.streaming)
    let run = try json(
      world, "run", "agent", "while :; do \(script); sleep 0.05; done", "--limit", "idle=600ms", "--limit", "start=30s",
      "--wait", "gone")
    #expect(run["status"] == "timed_out" && run["reason"] == "idle", "\(run.text)")
    #expect(run["flags"]?.array?.contains("retried") == script.contains("retry"))
  }

  @Test
  func `content holds it off for as long as it comes`() throws {
    let world = try World()
    try add(world, Self.streaming)
    let script = #"for n in 1 2 3 4 5 6 7 8; do echo '{"k":"delta","text":"x"}'; sleep 0.3; done; echo '{"k":"end"}'"#
    let run = try json(world, "run", "agent", script, "--limit", "idle=1500ms")
    #expect(run["status"] == "succeeded" && run["text"] == "xxxxxxxx", "\(run.text)")
  }

  @Test
  func `an open tool call widens the silence that is allowed, with a flag, and not for ever`() throws {
    let world = try World()
    try add(world, Self.streaming)
    let open = #"echo '{"k":"tool","id":7}'; sleep 1.5; "#
    let run = try json(
      world, "run", "agent", open + #"echo '{"k":"tooled","id":7}'; echo '{"k":"end"}'"#, "--limit", "idle=500ms")
    #expect(run["status"] == "succeeded" && run["flags"] == ["quiet_tool"], "\(run.text)")
    let silent = try json(
      world, "run", "agent", open + #"echo '{"k":"tooled","id":7}'; sleep 1000"#, "--limit", "idle=1s")
    #expect(silent["reason"] == "idle" && silent["flags"]?.array?.contains("quiet_tool") == true, "\(silent.text)")
    let stuck = try json(
      world, "run", "agent", #"echo '{"k":"tool","id":7}'; sleep 1000"#, "--limit", "idle=300ms", "--limit", "tool=1s")
    #expect(stuck["reason"] == "tool", "\(stuck.text)")
  }

  @Test
  func `what an agent is at can be asked, and what a person should see is flagged`() throws {
    let world = try World()
    try add(
      world,
      #""dialect":[{"when":{"/k":"tool"},"tool_started":{"name":"/n"}},{"when":{"/k":"tooled"},"tool_finished":{"name":"/n"}},{"when":{"/k":"ask"},"attention":true},{"when":{"/k":"end"},"success":true}]"#
    )
    let host = try world.host()
    let script = #"""
      echo '{"k":"ask"}'; echo '{"k":"tool","n":"Bash"}'; while ! test -e go; do sleep 0.05; done
      echo '{"k":"tooled","n":"Bash"}'; echo '{"k":"end"}'
      """#
    let started = try host.call(
      "run/start", ["plugin": "agent", "prompt": .string(script), "cwd": .string(world.folder.path)])
    let id = try #require(started["run"]?["id"]?.string)
    try host.awaitRun(id, "it is at nothing") { $0["activity"] == "Bash" }
    try world.folder.write("go", "")
    let run = try host.awaitRun(id, "it does not end") { $0["status"] == "succeeded" }
    #expect(run["activity"] == nil && run["flags"] == ["attention"])
  }

  // MARK: - Evidence

  private static let evident = #"""
    "result":"evidence","dialect":[
      {"when":{"/k":"said"},"text":"/text","success":true},{"when":{"/k":"oops"},"failure":"/why"},
      {"when":{"/k":"done"},"done":true},{"line":"Fatal: {why}","failure":"{why}"},
      {"stderr":"Session: {id}","session":"{id}"},{"stderr":"Reading *"},{"stderr":"Error: {why}","error":"{why}"}]
    """#

  // O11, R2, R7: an exit code of 0 is no success by itself, and neither is a message.
  @Test(arguments: [
    (#"echo '{"k":"said","text":"hi"}'"#, "succeeded", nil),
    (#"echo '{"k":"oops","why":"401"}'"#, "failed/agent", "401"),
    (#"echo '{"k":"said","text":"hi"}'; echo 'Fatal: 401'"#, "failed/agent", "401"),
    (#"echo '{"k":"oops","why":"429"}'; echo '{"k":"said","text":"hi"}'"#, "succeeded", nil),
    (#"echo '{"k":"said","text":"hi"}'; sleep 0.2; echo 'Error: x' >&2"#, "succeeded", nil),
    (#"echo 'Error: x' >&2; sleep 0.2; echo '{"k":"oops"}'"#, "failed/agent", "x"),
    (#"echo '{"k":"said","text":"hi"}'; exit 3"#, "failed/exit", "the program exited with code 3"),
    (#"echo '{"k":"said","text":"hi"}'; kill -9 $$"#, "failed/signal", "the program was ended by SIGKILL"),
    ("exit 0", "failed/no_result", "the program ended well but gave no result"),
    ("echo 'Error: no key' >&2", "failed/no_result", "the program ended well but gave no result: no key"),
    ("echo 'Reading keys' >&2; exit 1", "failed/exit", "the program exited with code 1"),
    ("echo 'what is this' >&2; exit 1", "failed/exit", "the program exited with code 1: what is this"),
    (#"printf '{"k":"said","text":"hi"}'"#, "succeeded", nil), (#"printf '{"k":"sai'"#, "failed/truncated", nil),
    ("printf 'Fatal: 401'", "failed/agent", "401"),
  ])
  func `an agent without a final event is judged by its last word and its exit together`(
    script: String, verdict: String, error: String?
  ) throws {
    let world = try World()
    try add(world, Self.evident)
    let run = try json(world, "run", "agent", script, "--wait", "gone")
    let given = [run["status"]?.string, run["reason"]?.string].compactMap { $0 }.joined(separator: "/")
    #expect(given == verdict, "\(run.text)")
    if let error { #expect(run["error"]?.string == error) }
    try expectSameOfReplay(run, in: world)
  }

  /// What a run became live, and what its transcript becomes afterwards, is the same.
  private func expectSameOfReplay(_ run: JSON, in world: World) throws {
    let folder = "\(world.state)/runs/\(run["id"]?.string ?? "")"
    func file(_ name: String) -> String { access("\(folder)/\(name)", F_OK) == 0 ? "\(folder)/\(name)" : "/dev/null" }
    let exit = run["exit"]?["code"]?.integer.map { String($0) } ?? run["exit"]?["signal"]?.string ?? "0"
    let replayed = try json(
      world, "replay", file("transcript.ndjson"), "--stderr", file("stderr.log"), "--plugin",
      run["plugin"]?.string ?? "",
      "--exit", exit)
    for member in ["status", "reason", "error", "text", "output", "session", "usage", "cost_usd", "noise"] {
      #expect(replayed[member] == run[member], "\(member): \(replayed.text) is not \(run.text)")
    }
  }

  // T6: the model's first message is not the end of its work.
  @Test
  func `evidence ends nothing before the exit, unless the agent says that it is done`() throws {
    let world = try World()
    try add(world, Self.evident)
    let host = try world.host()
    func start(_ script: String) throws -> String {
      let started = try host.call(
        "run/start", ["plugin": "agent", "prompt": .string(script), "cwd": .string(world.folder.path)])
      return try #require(started["run"]?["id"]?.string)
    }
    let works = try start(#"echo '{"k":"said","text":"let me see"}'; while ! test -e go; do sleep 0.05; done; exit 1"#)
    try host.awaitRun(works, "it says nothing") { $0["events"] == .integer(1) }
    usleep(300_000)
    #expect(try host.call("run/get", ["run": .string(works)])["run"]?["status"] == "running")
    try world.folder.write("go", "")
    try host.awaitRun(works, "it does not end") { $0["status"] == "failed" && $0["reason"] == "exit" }
    // Judged while its process lives.
    let stays = try start(#"echo '{"k":"said","text":"yes"}'; echo '{"k":"done"}'; trap '' TERM; sleep 1000"#)
    let run = try host.awaitRun(stays, "it is not judged") { $0["status"] == "succeeded" }
    #expect(run["text"] == "yes" && run["disposal"] != "gone")
  }

  @Test
  func `a session that is named on stderr can be resumed`() throws {
    let world = try World()
    try add(world, Self.evident)
    let first = try json(world, "run", "agent", #"echo '{"k":"said","text":"a"}'; echo 'Session: s-9' >&2"#)
    #expect(first["session"] == "s-9")
    let id = try #require(first["id"]?.string)
    let second = try json(world, "resume", id, #"echo "{\"k\":\"said\",\"text\":\"$1\"}""#)
    #expect(second["status"] == "succeeded" && second["text"] == "s-9", "\(second.text)")
  }

  @Test
  func `a session that the caller may name is named after the run`() throws {
    let world = try World()
    try world.addPlugin(
      "agent",
      #"{"name":"agent","version":"1","command":["/bin/sh","-c","echo $1","agent","{session}"],"resume":["/bin/sh","-c","echo again $1","agent","{session}"],"session":"reeve-{run}","result":"exit","dialect":"plain"}"#
    )
    let first = try json(world, "run", "agent")
    let id = try #require(first["id"]?.string)
    #expect(first["session"]?.string == "reeve-\(id)" && first["text"]?.string == "reeve-\(id)")
    let second = try json(world, "resume", id)
    #expect(second["text"]?.string == "again reeve-\(id)", "\(second.text)")
    // One that never began has no session.
    try world.addPlugin(
      "absent",
      #"{"name":"absent","version":"1","command":["/nowhere/agent","{session}"],"resume":["/nowhere/agent","{session}"],"session":"reeve-{run}"}"#
    )
    let never = try json(world, "run", "absent")
    #expect(never["reason"] == "spawn" && never["session"] == .null, "\(never.text)")
  }

  @Test
  func `a model that a plugin has no place for is refused, not forgotten`() throws {
    let world = try World()
    try add(world, #""result":"exit""#)
    let run = try world.call("run", "agent", "true", "--model", "large")
    #expect(run.code == .code(2) && run.errors.contains("model"), "\(run.errors)")
  }

  // MARK: - Text

  @Test(arguments: [
    ("echo one; echo two", "one\ntwo"), ("printf 'no newline'", "no newline"),
    ("echo 42; echo '{\"a\":1}'", "42\n{\"a\":1}"),
    ("echo; echo; echo mid; echo; echo end; echo", "mid\n\nend"), ("true", nil),
  ])
  func `a plain agent's lines are its answer, whatever they look like`(script: String, text: String?) throws {
    let world = try World()
    try add(world, #""result":"exit","dialect":"plain""#)
    let run = try json(world, "run", "agent", script, "--wait", "gone")
    #expect(run["status"] == "succeeded" && run["text"]?.string == text && run["noise"] == .integer(0), "\(run.text)")
    #expect(run["flags"] == [])
  }

  @Test
  func `half a line is looked at without becoming a part of the answer, and holds off no clock`() throws {
    let world = try World()
    // The first clock is wound up with the first line, and runs out for nothing in the middle of the third.
    try add(
      world,
      #""dialect":{"plain":true,"rules":[{"line":"ok","success":true},{"line":"{text}","text_delta":"{text}"}]}"#)
    let late = try json(
      world, "run", "agent", "echo one; sleep 3; echo two; printf half; sleep 2; echo ' whole'; echo ok", "--limit",
      "idle=4s")
    #expect(late["status"] == "succeeded" && late["text"] == "one\ntwo\nhalf whole", "\(late.text)")
    try world.addPlugin(
      "evident",
      #"{"name":"evident","version":"1","command":["/bin/sh","-c","{prompt}"],\#(Self.evident)}"#)
    let idle = try json(
      world, "run", "evident", #"printf '{"k":"said","text":"hi"}'; sleep 1000"#, "--limit", "idle=400ms", "--limit",
      "wall=60s", "--wait", "gone")
    #expect(idle["reason"] == "idle", "\(idle.text)")
  }

  @Test
  func `a line of an answer may be as long as any line`() throws {
    let world = try World()
    try add(world, #""result":"exit","dialect":"plain""#)
    let run = try json(world, "run", "agent", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo end", "--wait", "gone")
    #expect(run["text"]?.string == String(repeating: "x", count: 100_000) + "\nend" && run["flags"] == [])
  }

  @Test
  func `an answer that is longer than the record holds is flagged, and its reader told`() throws {
    let world = try World()
    try add(world, #""result":"exit","dialect":"plain""#)
    let run = try world.call("run", "agent", "seq 300000")
    #expect(run.code == .code(0) && run.errors.contains("has all of it"), "\(run.errors)")
    #expect(try world.run().flags.contains(.truncatedText))
  }

  // MARK: - A host that dies

  @Test
  func `who judges in the place of a dead host reads by the rules that the run began with`() throws {
    let world = try World()
    try add(world, Self.metered)
    // Both die when the final word is heard and nothing of it is recorded.
    world.environment["REEVE_FAULT"] = "word=kill-both"
    let reeve = try world.reeve(
      "run", "agent", #"echo '{"k":"hello","id":"s"}'; echo '{"k":"end","usd":0.5,"out":3,"text":"kept"}'; sleep 1000"#)
    _ = try reeve.wait()
    world.environment["REEVE_FAULT"] = nil
    #expect(try !world.run().status.isTerminal)
    let plugins = try world.folder.open().openDirectory("plugins").openDirectory("agent")
    try plugins.openFile("plugin.json", flags: O_WRONLY | O_TRUNC).writeAll(Array("{}".utf8).span.bytes)
    #expect(try world.call("recover").code == .code(0))
    let run = try world.run()
    #expect(run.status == .succeeded && run.text == "kept" && run.cost == 0.5 && run.session == "s")
    #expect(run.cumulative?.text == #"{"output_tokens":3,"cost_usd":0.5}"#)
  }
}
