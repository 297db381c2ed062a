import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// A host as the child of an editor, over stdin and stdout.
@Suite(.tags(.large))
struct ServeTests {
  private let forever = "while :; do sleep 1; done"

  @Test(arguments: [Framing.lines, .headers])
  func `a run is started, followed to its end and asked for, in either framing`(framing: Framing) throws {
    let world = try World()
    let host = try ServedHost(world, framing: framing)
    let answer = try host.call("initialize", ["processId": .integer(1), "capabilities": [:], "rootUri": .null])
    #expect(answer["serverInfo"]?["name"] == "reeve")
    try host.notify("initialized", [:])
    let script = #"echo '{"type":"text","text":"é\u0041"}'; \#(Stage.success)"#
    let started = try host.call("run/start", ["plugin": "script", "prompt": .string(script), "subscribe": true])
    let id = try #require(started["run"]?["id"]?.string)
    #expect(started["subscription"]?.string == "s1")
    #expect(started["run"]?["cwd"]?.string == world.folder.path)
    try host.awaitRun(id, "it is not buried") { $0["disposal"] == "gone" }
    #expect(try host.notification("run/appended")["first"]?.integer == 1)
    #expect(try host.call("shutdown") == .null)
    try host.notify("exit")
    #expect(try host.process.wait() == .code(0))
    try world.expectInvariants("after exit")
  }

  @Test
  func `input that ends early is answered first, and then what runs is cancelled`() throws {
    let world = try World()
    let host = try ServedHost(world)
    let id = try host.start("script", forever)
    let wait = try host.send("run/wait", ["run": .string(id)])
    let status = try host.send("host/status", [:])
    // The last message lacks its newline.
    try host.write(#"{"jsonrpc":"2.0","id":"last","method":"run/get","params":{"run":"\#(id)"}}"#)
    host.finish()
    let waited = try host.answer(wait)
    #expect(waited["done"] == false && waited["run"]?["status"] == "running")
    #expect(try host.answer(status)["runs"]?["running"]?.integer == 1)
    let last = try host.message("the last answer") { if case .success(.string("last"), _) = $0 { true } else { false } }
    guard case .success(_, let result) = last else { return }
    #expect(result["run"]?["status"] == "running")
    #expect(try host.process.wait() == .code(0))
    let run = try world.run()
    #expect(run.status == .cancelled && run.reason == "disconnect")
    try world.expectInvariants("after the end of input")
  }

  @Test
  func `input from a file is answered like any other`() throws {
    let world = try World()
    let calls = """
      {"jsonrpc":"2.0","id":1,"method":"host/status"}

      {"jsonrpc":"2.0","id":2,"method":"nonsense"}
      """
    try world.folder.write("calls", calls)
    let shell = try Child(
      "/bin/sh", ["-c", "\"$0\" serve < calls", Repository.program("reeve")], environment: world.environment,
      directory: world.folder.path)
    #expect(try shell.wait() == .code(0))
    let lines = shell.output.split(separator: "\n").map { try? JSON.parse(String($0)) }
    #expect(lines.count == 2, "\(shell.output) \(shell.errors)")
    #expect(lines.first??["result"]?["draining"] == false && lines.last??["error"]?["code"] == .integer(-32601))
  }

  @Test
  func `a run that is to be kept is refused where the host ends with its client`() throws {
    let world = try World()
    let host = try ServedHost(world)
    let wish: JSON = ["plugin": "script", "prompt": "true", "on_disconnect": "keep"]
    let error = #expect(throws: RPCError.self) { try host.call("run/start", wish) }
    #expect(error?.code == -32602 && error?.message.contains("background host") == true)
    host.finish()
    try host.process.wait()
    #expect(try world.runs().isEmpty)
  }

  @Test
  func `what a library prints to stdout does not reach the client`() throws {
    let world = try World()
    world.environment["LD_PRELOAD"] = try Repository.program("libFaults.so")
    world.environment["REEVE_FAULTS"] = "stray:1"
    world.environment["REEVE_FAULTS_MARK"] = world.path("mark")
    let host = try ServedHost(world)
    for _ in 0..<20 { #expect(try host.call("host/status")["ledger"] == "ok") }
    host.finish()
    #expect(try host.process.wait() == .code(0))
    // People see it.
    #expect(host.process.errors.contains("stray"))
  }

  // The client hears at once that its host has died: nobody else holds its end of stdout.
  @Test
  func `a host that is killed shows by the end of its output, while its runs are being ended`() throws {
    let world = try World()
    let host = try ServedHost(world)
    let id = try host.start("script", "trap '' TERM; \(forever)")
    let pid = try #require(try host.call("host/status")["pid"]?.integer)
    kill(pid_t(pid), SIGKILL)
    try host.awaitHangUp()
    #expect(try host.process.wait() == .code(3))
    #expect(host.process.errors.contains("the host was killed (SIGKILL)"))
    #expect(try world.run().id.description == id)
    try world.expectInvariants("after a killed host")
  }

  @Test
  func `a client that is killed takes its runs with it`() throws {
    let world = try World()
    let host = try ServedHost(world)
    let id = try host.start("script", forever)
    let pid = try #require(try host.run(id)["pid"]?.integer)
    // Its ends of the pipes are closed, as by the death of their process.
    host.vanish()
    #expect(try host.process.wait() == .code(0))
    #expect(!isAlive(pid_t(pid)))
    let run = try world.run()
    #expect(run.status == .cancelled && run.reason == "disconnect")
    try world.expectInvariants("after a killed client")
  }

  @Test
  func `SIGTERM ends it in good order, and the client hears what became of its runs`() throws {
    let world = try World()
    let host = try ServedHost(world)
    let started = try host.call("run/start", ["plugin": "script", "prompt": .string(forever), "subscribe": true])
    #expect(started["run"]?["status"] == "running")
    host.process.signal(SIGTERM)
    let changed = try host.notification("run/changed")["run"]
    #expect(changed?["status"] == "cancelled" && changed?["reason"] == "shutdown")
    try host.awaitHangUp()
    #expect(try host.process.wait() == .code(0))
    try world.expectInvariants("after SIGTERM")
  }

  @Test
  func `after shutdown nothing new is taken, and what runs is cancelled`() throws {
    let world = try World()
    let host = try ServedHost(world)
    let id = try host.start("script", forever)
    #expect(try host.call("shutdown") == .null)
    let error = #expect(throws: RPCError.self) { try host.start("script", "true") }
    #expect(error?.code == 1007)
    try host.awaitRun(id, "it is not cancelled") { $0["reason"] == "shutdown" }
    try host.notify("exit")
    #expect(try host.process.wait() == .code(0))
  }

  @Test
  func `it ends with its own client, whoever else is connected, and keeps no run for anybody`() throws {
    let world = try World()
    let host = try ServedHost(world)
    let name = try #require(try host.call("host/status")["host"]?.string)
    let socket = try UnixSocket.connect(in: try Directory.open("\(world.state)/hosts"), name: "\(name).sock")
    let other = try Client(at: socket.intoDescriptor()) { host.process.errors }
    let wish: JSON = ["plugin": "script", "prompt": .string(forever), "cwd": "/", "on_disconnect": "keep"]
    #expect(throws: RPCError.self) { try other.call("run/start", wish) }
    let id = try other.start("script", forever)
    host.finish()
    #expect(try host.process.wait() == .code(0))
    #expect(try world.run().id.description == id)
    #expect(try world.run().reason == "disconnect")
  }

  @Test
  func `what is said behind exit is not heard`() throws {
    let world = try World()
    let host = try ServedHost(world)
    let wait = try host.send("run/wait", ["run": .string(try host.start("script", forever))])
    try host.write(
      #"{"jsonrpc":"2.0","method":"exit"}"# + "\n"
        + #"{"jsonrpc":"2.0","id":"late","method":"run/start","params":{"plugin":"script","prompt":"true"}}"# + "\n")
    #expect(try host.answer(wait)["done"] == false)
    #expect(try host.process.wait() == .code(0))
    #expect(try world.runs().count == 1)
  }

  // A frozen child holds up neither the client nor the end.
  @Test
  func `a child that will not die does not keep the client waiting`() throws {
    let world = try World()
    guard let freezer = Freezer.make() else { return skip("no v1 freezer: a frozen child under reeve serve") }
    let host = try ServedHost(world)
    let id = try host.start("script", forever, limits: ["grace": "100ms", "bury": "100ms"])
    let pid = try #require(try host.run(id)["pid"]?.integer)
    try freezer.freeze(pid_t(pid))
    host.finish()
    #expect(try host.process.wait() == .code(0))
    #expect(isAlive(pid_t(pid)))
    #expect(try world.run().status == .cancelled)
    freezer.thaw()
    try world.expectInvariants("after a frozen child")
  }
}
