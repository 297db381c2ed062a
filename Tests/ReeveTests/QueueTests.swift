import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// Runs that wait: for a seat, for a directory.
@Suite(.tags(.large))
struct QueueTests {
  private let answer = #"echo '{"type":"result","status":"ok"}'"#

  private func addWriter(_ world: World) throws {
    try world.addPlugin(
      "writer", #"{"name":"writer","version":"1","command":["/bin/sh","-c","{prompt}"],"writes":true}"#)
  }

  /// Waits for a file, then answers.
  private func waiting(for file: String) -> String { "while [ ! -e \(file) ]; do sleep 0.02; done; \(answer)" }

  private func error(_ body: () throws -> Void) -> RPCError? {
    do {
      try body()
      return nil
    } catch {
      return error as? RPCError
    }
  }

  // M10, X4
  @Test
  func `no more runs live than there are seats, and those that wait are let in in their order`() throws {
    let world = try World()
    try world.configure(#"{"max_running": 2, "plugins": {"shell": {"max_running": 1}}}"#)
    let host = try world.host()
    let first = try (1...5).map { try host.start("script", waiting(for: "go\($0)")) }
    #expect(try first.map { try host.run($0)["position"]?.integer } == [nil, nil, 1, 2, 3])
    #expect(
      try first.map { try host.run($0)["status"]?.string } == ["running", "running", "queued", "queued", "queued"])
    #expect(try world.runs().map(\.status) == [.running, .running, .queued, .queued, .queued])
    // One that waits can be cancelled, and the others move up.
    let cancelled = try host.call("run/cancel", ["run": .string(first[2])])
    #expect(cancelled["cancelled"] == .bool(true) && cancelled["run"]?["disposal"] == "none")
    #expect(try host.run(first[3])["position"]?.integer == 1)
    try world.folder.write("go1", "")
    try host.awaitRun(first[3], "it is not let in") { $0["status"] == "running" }
    #expect(try host.run(first[4])["status"] == "queued")
    for number in 2...5 { try world.folder.write("go\(number)", "") }
    try eventually("not all end") { try host.call("host/status")["runs"] == [:] }
    // One plugin alone has fewer.
    let shells = try (6...7).map { try host.start("shell", "while [ ! -e go\($0) ]; do sleep 0.02; done") }
    #expect(try shells.map { try host.run($0)["status"]?.string } == ["running", "queued"])
    for number in 6...7 { try world.folder.write("go\(number)", "") }
    try eventually("not all end") { try host.call("host/status")["runs"] == [:] }
    #expect(
      try world.runs().map(\.status) == [.succeeded, .succeeded, .cancelled] + [
        .succeeded, .succeeded, .succeeded, .succeeded,
      ])
    try host.end()
    try world.expectInvariants("after the queue")
  }

  // P7: a link, a detour and a slash lead to the same directory.
  @Test(arguments: [true, false])
  func `a directory that a live run writes to is refused, and its holder named, whatever path leads there`(
    inSameHost: Bool
  ) throws {
    let world = try World()
    try addWriter(world)
    let place = world.path("place")
    mkdir(place, 0o700)
    symlink(place, world.path("link"))
    let host = try world.host()
    let other = inSameHost ? host : try world.host()
    func start(_ host: TestHost, _ plugin: String, _ path: String, _ more: JSONObject = [:]) throws -> String {
      var params: JSONObject = [
        "plugin": .string(plugin), "cwd": .string(path), "prompt": .string(waiting(for: world.path("go"))),
      ]
      for member in more.members { params[member.key] = member.value }
      let answer = try host.call("run/start", .object(params))
      return try #require(answer["run"]?["id"]?.string)
    }
    let holder = try start(host, "writer", place)
    for path in [place, "\(place)/", "\(place)/../place", world.path("link")] {
      let refused = error { _ = try start(other, "writer", path) }
      #expect(refused?.code == 1004 && refused?.data?["name"] == "directory_busy", "\(path)")
      #expect(refused?.data?["holder"]?.string == holder, "\(path)")
    }
    // X17: a refused run has no row.
    #expect(try world.runs().count == 1)
    // Who only reads is in nobody's way; and there are other directories.
    _ = try start(other, "script", place)
    _ = try start(other, "writer", world.folder.path)
    // And one may wait.
    let queued = try start(other, "writer", world.path("link"), ["on_busy": "queue"])
    #expect(try other.run(queued)["status"] == "queued")
    try world.folder.write("go", "")
    try other.awaitRun(queued, "it is not let in") { $0["status"] == "succeeded" }
    try eventually("not all are buried") { try world.runs().allSatisfy { $0.gone != nil } }
    let rows = try world.runs()
    let (before, after) = (try #require(rows.first), try #require(rows.last))
    let (gone, started) = (try #require(before.gone), try #require(after.started))
    #expect(gone <= started, "two wrote to one directory at once")
    try host.end()
    if !inSameHost { try other.end() }
    #expect(try Directory.open("\(world.state)/directories").entries() == [])
  }

  // X4: the wait for a burial is bounded, so nobody is refused for it.
  @Test(arguments: [true, false])
  func `a directory that only a burial holds is waited for, not refused`(inSameHost: Bool) throws {
    let world = try World()
    try addWriter(world)
    let host = try world.host()
    let other = inSameHost ? host : try world.host()
    let stubborn = "trap '' TERM; \(answer); while [ ! -e go ]; do sleep 0.02; done"
    let first = try host.start("writer", stubborn, limits: ["leave": "1m", "grace": "1m"])
    try host.awaitRun(first, "it does not succeed") { $0["status"] == "succeeded" && $0["recorded"] == .bool(true) }
    let second = try other.start("writer", answer)
    #expect(try other.run(second)["status"] == "queued")
    #expect(try host.run(first)["disposal"] == "leaving")
    try world.folder.write("go", "")
    try other.awaitRun(second, "it is not let in") { $0["status"] == "succeeded" }
    try host.end()
    if !inSameHost { try other.end() }
  }

  // P15, P4
  @Test
  func `a directory is free when its holder's host has died, and not before what is left of the holder is gone`() throws
  {
    let world = try World()
    try addWriter(world)
    let reeve = try world.reeve("run", "writer", "trap '' TERM; echo $$ > pid; while true; do sleep 0.05; done")
    try eventually("it does not begin") { ((try? contents(world.path("pid"))) ?? "").hasSuffix("\n") }
    let leader = try #require(Int32(try contents(world.path("pid")).dropLast()))
    // Stopped, a host is not dead.
    let host = try reeve.host()
    kill(host, SIGSTOP)
    let holder = try world.run().id
    let refused = try world.call("run", "writer", answer)
    #expect(refused.code == .code(3) && refused.errors.contains("is taken by run \(holder)"))
    kill(host, SIGKILL)
    let next = try world.call("run", "writer", "kill -0 \(leader) 2>/dev/null && exit 9; \(answer)")
    #expect(next.code == .code(0), "\(next.errors)")
    try reeve.wait()
    let rows = try world.runs()
    #expect(rows[0].status == .lost && rows[1].status == .succeeded)
    try world.expectInvariants("after a holder's death")
  }

  @Test
  func `too many that wait are refused with how many do`() throws {
    let world = try World()
    try world.configure(#"{"max_running": 1, "max_waiting": 2}"#)
    let host = try world.host()
    for _ in 0..<3 { _ = try host.start("script", waiting(for: "go")) }
    let refused = error { _ = try host.start("script", answer) }
    #expect(refused?.code == 1013 && refused?.data?["name"] == "too_many_runs")
    #expect(refused?.data?["queued"]?.integer == 2)
    #expect(try world.runs().count == 3)
    try world.folder.write("go", "")
    try eventually("they do not end") { try host.call("host/status")["runs"] == [:] }
    _ = try host.start("script", answer)
    try host.end()
    try world.expectInvariants("after too many")
  }

  @Test
  func `the path of a directory that is taken is told without the secret in it`() throws {
    let world = try World()
    try addWriter(world)
    let place = world.path("hunter2hunter2")
    mkdir(place, 0o700)
    let host = try world.host()
    let request: JSON = [
      "plugin": "writer", "cwd": .string(place), "prompt": .string(waiting(for: world.path("go"))),
      "env": ["PLACE_TOKEN": "hunter2hunter2"],
    ]
    _ = try host.call("run/start", request)
    let refused = error { _ = try host.call("run/start", request) }
    #expect(refused?.data?["name"] == "directory_busy")
    #expect(refused?.message.contains("/[masked PLACE_TOKEN] is taken") == true, "\(refused?.message ?? "")")
    try world.folder.write("go", "")
    try host.end()
  }

  @Test
  func `on-busy knows two words`() throws {
    let world = try World()
    let wrong = try world.call("run", "script", answer, "--on-busy", "panic")
    #expect(wrong.code == .code(2) && wrong.errors.contains("“refuse” or “queue”"))
    let host = try world.host()
    let refused = error { _ = try host.call("run/start", ["plugin": "script", "prompt": "true", "on_busy": "panic"]) }
    #expect(refused?.code == -32602)
    try host.end()
  }

  @Test
  func `a configuration that cannot be right is refused, with its file and the key`() throws {
    let world = try World()
    for (text, complaint) in [
      (#"{"max_runing": 3}"#, "max_runing"), (#"{"max_running": 0}"#, "max_running"), ("[]", "is a JSON object"),
      (#"{"plugins": {"a": {"colour": 1}}}"#, "plugins.a.colour"), (#"{"retention": {"rows": "9"}}"#, "retention.rows"),
      (#"{"limits": {"wall": "soon"}}"#, "limits.wall"), ("{", "config.json:1:"),
    ] {
      try world.configure(text)
      let refused = try world.call("run", "script", answer)
      #expect(refused.code == .code(3) && refused.errors.contains(complaint), "\(text): \(refused.errors)")
      #expect(refused.errors.contains("config.json"))
    }
    #expect(try world.runs() == [])
    try world.configure(#"{"limits": {"wall": "77s", "idle": "3m"}}"#)
    let run = try world.call("run", "script", answer, "--limit", "idle=4m", "--json")
    let limits = try JSON.parse(run.output)["limits"]
    #expect(limits?["wall"] == ["value": "77s", "from": "config"] && limits?["idle"]?["from"] == "request")
  }
}
