import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// A run that goes on with the session of another.
@Suite(.tags(.large))
struct ResumeTests {
  /// A plugin whose agent says how it was called; the prompt is a shell script.
  private func addAgent(_ world: World) throws {
    try world.addPlugin(
      "agent",
      #"""
      {"name":"agent","version":"1","command":["/bin/sh","-c","{prompt}"],
       "resume":["/bin/sh","-c","{prompt}","agent","{session}"]}
      """#)
  }

  private let begin = #"echo '{"type":"session","id":"s-1"}'; echo '{"type":"result","status":"ok","output":"first"}'"#
  private let goOn = #"echo "{\"type\":\"result\",\"status\":\"ok\",\"output\":\"$1 goes on\"}""#

  private func makeRun(_ world: World, _ script: String? = nil) throws -> String {
    try addAgent(world)
    let made = try world.call("run", "agent", script ?? begin, "--json", "--wait", "gone")
    return try #require(JSON.parse(made.output)["id"]?.string)
  }

  // X11, X13
  @Test
  func `a resume is a new run in the agent's own session, linked to the old one, which stays as it was`() throws {
    let world = try World()
    let old = try makeRun(world)
    let before = try world.run()
    let resumed = try world.call("resume", old, goOn)
    #expect(resumed.code == .code(0) && resumed.output == "s-1 goes on\n", "\(resumed.errors)")
    let rows = try world.runs()
    try #require(rows.count == 2)
    #expect(rows[1].resumes == rows[0].id && rows[1].session == "s-1" && rows[1].directory == rows[0].directory)
    #expect(rows[0].resumedBy == rows[1].id && rows[0].text == "first" && rows[0].status == before.status)
    // What is resumed next is the new one.
    let again = try world.call("resume", old, goOn)
    #expect(again.code == .code(3) && again.errors.contains("resumed already, by run \(rows[1].id)"))
    #expect(try world.call("resume", rows[1].id.description, goOn).code == .code(0))
  }

  // X9, X17
  @Test
  func `of 32 processes that resume one run, one wins, and the others get the status they lost to and no row`() throws {
    let world = try World()
    let old = try makeRun(world)
    try world.configure(#"{"max_running":"none"}"#)
    let hosts = try (0..<4).map { _ in try world.host() }
    // Half as commands, half over sockets.
    let commands = try (0..<16).map { _ in try world.reeve("resume", old, goOn) }
    let calls = try (0..<16).map { number in
      try hosts[number % 4].send("run/resume", ["run": .string(old), "prompt": .string(goOn)])
    }
    var (winners, refusals) = (0, 0)
    for (number, call) in calls.enumerated() {
      do {
        _ = try hosts[number % 4].answer(call)
        winners += 1
      } catch let error as RPCError {
        #expect(error.code == 1003 && error.data?["name"] == "not_resumable", "\(error)")
        #expect(error.data?["status"]?.string.flatMap { Status(rawValue: $0) } != nil)
        refusals += 1
      }
    }
    for command in commands {
      let code = try command.wait()
      if code == .code(0) { winners += 1 } else { refusals += 1 }
      #expect(code == .code(0) || command.errors.contains("resume that one"), "\(command.errors)")
    }
    #expect(winners == 1 && refusals == 31)
    #expect(try world.runs().count == 2)
    for host in hosts { try host.end() }
  }

  // What SQLite knows of its locks does not survive a fork: who forks must not have it open.
  @Test
  func `a resume looks its run up and lets go of the ledger before its host is forked`() throws {
    let world = try World()
    let old = try makeRun(world)
    let reeve = try world.reeve("resume", old, "touch ready; while true; do sleep 0.05; done")
    try eventually("it does not begin: \(reeve.errors)") { world.has("ready") }
    func ledgers(_ pid: Int32) throws -> Int {
      try Directory.open("/proc/\(pid)/fd", following: true).entries().filter { descriptor in
        var room = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/\(pid)/fd/\(descriptor)", &room, room.count - 1)
        return count > 0
          && String(decoding: room.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .hasSuffix("/ledger.db")
      }.count
    }
    #expect(try ledgers(try reeve.host()) == 1 && ledgers(reeve.pid) == 0)
    reeve.signal(SIGQUIT)
    #expect(try reeve.wait() == .code(130))
  }

  // R15
  @Test
  func `what cannot be resumed says why, and leaves no row`() throws {
    let world = try World()
    let silent = try makeRun(world, #"echo '{"type":"result","status":"ok"}'"#)
    let refused = try world.call("resume", silent, goOn)
    #expect(refused.code == .code(3) && refused.errors.contains("never named a session"))
    let host = try world.host()
    let live = try host.start("agent", #"echo '{"type":"session","id":"s-2"}'; sleep 1000"#)
    try host.awaitRun(live, "it says nothing") { $0["events"]?.integer == 1 }
    let error = #expect(throws: RPCError.self) {
      try host.call("run/resume", ["run": .string(live), "prompt": .string(goOn)])
    }
    #expect(error?.code == 1003 && error?.data?["status"] == "running")
    let missing = #expect(throws: RPCError.self) {
      try host.call("run/resume", ["run": "01m7y6jq2r3cern2bav0x8cmqa", "prompt": .string(goOn)])
    }
    #expect(missing?.code == 1001)
    #expect(try world.runs().count == 2)
    try host.end()
  }

  // X4
  @Test(arguments: [true, false])
  func `a resume waits until nothing of the old run is left`(inSameHost: Bool) throws {
    let world = try World()
    try addAgent(world)
    let host = try world.host()
    // It has said all it will, and does not go: not before it is killed.
    let stubborn = "trap '' TERM; \(begin); while [ ! -e go ]; do sleep 0.02; done"
    let old = try host.start("agent", stubborn, limits: ["leave": "1m", "grace": "1m"])
    try host.awaitRun(old, "it does not succeed") { $0["status"] == "succeeded" && $0["recorded"] == .bool(true) }
    let other = inSameHost ? host : try world.host()
    let answer = try other.call("run/resume", ["run": .string(old), "prompt": .string(goOn)])
    let new = try #require(answer["run"]?["id"]?.string)
    #expect(answer["run"]?["status"] == "queued" && answer["run"]?["position"]?.integer == 1)
    #expect(try host.run(old)["disposal"] == "leaving")
    try world.folder.write("go", "")
    try other.awaitRun(new, "it does not go on") { $0["status"] == "succeeded" }
    let rows = try world.runs()
    let (oldGone, newStarted) = (try #require(rows[0].gone), try #require(rows[1].started))
    #expect(oldGone <= newStarted, "the new one began while the old one was being buried")
    try host.end()
    if !inSameHost { try other.end() }
  }
}
