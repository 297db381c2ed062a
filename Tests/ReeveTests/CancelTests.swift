import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// To cancel a run, wherever it is and whoever asks.
@Suite(.tags(.large))
struct CancelTests {
  private let forever = "while true; do sleep 0.05; done"

  // X1, X5
  @Test
  func `a cancel says whether it did anything, once and again, in its host and in another`() throws {
    let world = try World()
    let (owner, other) = (try world.host(), try world.host())
    let id = try owner.start("script", forever)
    // Another host asks the owner.
    let first = try other.call("run/cancel", ["run": .string(id)])
    #expect(first["cancelled"] == .bool(true) && first["run"]?["reason"] == "client")
    for host in [owner, other] {
      let again = try host.call("run/cancel", ["run": .string(id)])
      #expect(again["cancelled"] == .bool(false) && again["run"]?["status"] == "cancelled")
    }
    try owner.awaitRun(id, "it is not buried") { $0["disposal"] == "gone" }
    #expect(try other.call("run/cancel", ["run": .string(id)])["cancelled"] == .bool(false))
    let row = try world.run()
    #expect(row.status == .cancelled && row.reason == "client" && row.exit == .signal(SIGTERM))
    let done = try owner.start("script", #"echo '{"type":"result","status":"ok"}'"#)
    try owner.awaitRun(done, "it does not end") { $0["status"] == "succeeded" }
    let late = try other.call("run/cancel", ["run": .string(done)])
    #expect(late["cancelled"] == .bool(false) && late["run"]?["status"] == "succeeded")
    try owner.end()
    try other.end()
  }

  // X3, X8
  @Test
  func `an owner that lives and does not answer is unreachable, and nothing is changed`() throws {
    let world = try World()
    let (owner, other) = (try world.host(), try world.host())
    let id = try owner.start("script", forever)
    owner.process.signal(SIGSTOP)
    let error = #expect(throws: RPCError.self) { try other.call("run/cancel", ["run": .string(id)]) }
    #expect(error?.code == 1015 && error?.data?["name"] == "owner_unreachable")
    let refused = try world.call("cancel", id)
    #expect(refused.code == .code(3) && refused.errors.contains("owner_unreachable"))
    #expect(try world.run().status == .running)
    // The other host answered meanwhile, and goes on doing so.
    #expect(try other.call("host/status")["ledger"] == "ok")
    owner.process.signal(SIGCONT)
    // What was asked of it while it was stopped it finds when it goes on. But nobody wants it any more.
    #expect(try owner.run(id)["status"] == "running")
    #expect(try owner.call("run/cancel", ["run": .string(id)])["cancelled"] == .bool(true))
    try owner.end()
    try other.end()
  }

  @Test
  func `a run whose owner has died is settled first, and the answer says how it ended`() throws {
    let world = try World()
    let (owner, other) = (try world.host(), try world.host())
    let id = try owner.start("script", forever)
    owner.process.signal(SIGKILL)
    try owner.process.wait()
    let answer = try other.call("run/cancel", ["run": .string(id)])
    #expect(answer["cancelled"] == .bool(false) && answer["run"]?["status"] == "lost")
    try other.end()
    try world.expectInvariants("after a dead owner")
  }

  // X7
  @Test
  func `what was started inside a run is cancelled with it, in whichever host, and nothing else is`() throws {
    let world = try World()
    let (outer, inner) = (try world.host(), try world.host())
    let parent = try outer.start("script", forever)
    let mark: JSON = ["REEVE_RUN": .string(parent)]
    func child(_ host: TestHost, _ mark: JSON) throws -> String {
      let answer = try host.call("run/start", ["plugin": "script", "prompt": .string(forever), "env": mark])
      return try #require(answer["run"]?["id"]?.string)
    }
    let children = [try child(outer, mark), try child(inner, mark)]
    let grandchild = try child(inner, ["REEVE_RUN": .string("\(parent):\(children[1])")])
    let stranger = try child(inner, [:])
    #expect(try outer.run(children[0])["parent"]?.string == parent)
    _ = try outer.call("run/cancel", ["run": .string(parent)])
    for (host, id) in [(outer, children[0]), (inner, children[1]), (inner, grandchild)] {
      let run = try host.awaitRun(id, "\(id) goes on") { $0["status"] != "running" }
      #expect(run["status"] == "cancelled" && run["reason"] == "parent")
    }
    #expect(try inner.run(stranger)["status"] == "running")
    // A run that ends by itself takes nothing along.
    let quick = try outer.start(
      "script", #"while [ ! -e go ]; do sleep 0.02; done; echo '{"type":"result","status":"ok"}'"#)
    let survivor = try child(inner, ["REEVE_RUN": .string(quick)])
    try world.folder.write("go", "")
    try outer.awaitRun(quick, "it does not end") { $0["disposal"] == "gone" }
    #expect(try inner.run(survivor)["status"] == "running")
    try outer.end()
    try inner.end()
    try world.expectInvariants("after the families")
  }

  // Who connects from inside a run is a part of it, whether it says so or not.
  @Test
  func `what is started over a socket from inside a run is cancelled with it`() throws {
    let world = try World()
    let (outer, inner) = (try world.host(), try world.host())
    guard try outer.call("host/status")["containment"] != "subreaper" else {
      return skip("no control groups: whose a client of a socket is")
    }
    let ask = """
      import json, socket, sys
      s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
      call = {"jsonrpc": "2.0", "id": 1, "method": "run/start", "params": {"plugin": "script", "prompt": "sleep 1000"}}
      s.sendall(json.dumps(call).encode() + b"\\n"); s.recv(1)
      """
    try world.folder.write("ask.py", ask)
    let parent = try outer.start("script", "python3 \(world.path("ask.py")) \(inner.socketPath); sleep 1000")
    var child: RunRecord?
    try eventually("nothing is started") {
      child = try world.runs().first { inner.socketPath.hasSuffix("\($0.host).sock") }
      return child?.status == .running
    }
    #expect(child?.parent?.description == parent)
    _ = try outer.call("run/cancel", ["run": .string(parent)])
    try inner.awaitRun(try #require(child?.id.description), "it goes on") { $0["reason"] == "parent" }
    try outer.end()
    try inner.end()
  }
}
