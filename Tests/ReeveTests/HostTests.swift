import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// What a host keeps so that others can find it, and tell whether it lives.
@Suite(.tags(.large))
struct HostTests {
  @Test
  func `a host has a lock that its row names, and a socket for its owner alone`() throws {
    let world = try World()
    let reeve = try world.reeve("run", "script", "touch ready; sleep 1000")
    try eventually("it does not begin") { world.has("ready") }
    let id = try world.run().host
    let pid = try reeve.host()
    let hosts = try Directory.open("\(world.state)/hosts")
    #expect(try FileLock.probe(in: hosts, name: "\(id).lock") == .held(by: pid))
    let lock = try #require(try hosts.status(of: "\(id).lock"))
    #expect(
      try rows(world, "SELECT pid, lock_inode, ended IS NULL FROM hosts") == "\(pid)|\(lock.identity.inode)|1")
    let socket = try #require(try hosts.status(of: "\(id).sock"))
    #expect(socket.isSocket && socket.permissions == 0o600)

    reeve.signal(SIGINT)
    try reeve.wait()
    try eventually("the host stays") { !isAlive(pid) }
    #expect(try hosts.entries() == [], "a host that ended in good order leaves nothing")
    #expect(try hosts.status(of: "\(id).sock") == nil)
    #expect(try rows(world, "SELECT ended IS NULL FROM hosts") == "0")
  }

  // Z4
  @Test
  func `an agent dies with its host, and ps never shows a phantom`() throws {
    let world = try World()
    let reeve = try world.reeve("run", "script", "touch ready; sleep 1000")
    try eventually("it does not begin") { world.has("ready") }
    let run = try world.awaitRun("it does not run") { $0.status == .running }
    // Both at one moment: nobody is left to do anything about it.
    try reeve.killWithHost()
    try eventually("the agent outlives its host") { !isAlive(run.pid ?? 0) }
    let listed = try world.call("ps")
    #expect(listed.code == .code(0) && !listed.output.contains("running"), "\(listed.output)")
    let row = try world.run()
    #expect(row.status == .lost && row.reason == "host_died" && row.disposal == .gone)
    let cancelled = try world.call("cancel", run.id.description)
    #expect(cancelled.code == .code(0) && cancelled.output.contains("had already ended: lost"))
  }

  @Test
  func `a socket answers what is asked, and what cannot be answered with an error`() throws {
    let world = try World()
    let host = try world.host()
    let status = try host.call("host/status")
    #expect(status["pid"]?.integer == Int64(host.process.pid) && status["ledger"] == "ok")
    #expect(throws: RPCError.self) { try host.call("host/nonsense") }
    #expect(throws: RPCError.self) { try host.call("run/get", ["run": "nonsense"]) }
    #expect(throws: RPCError.self) { try host.call("run/get", ["run": "01m7y6jq2r3cern2bav0x8cmqa"]) }
    #expect(throws: RPCError.self) { try host.call("run/start", ["plugin": "echo", "colour": "red"]) }
    #expect(throws: RPCError.self) { try host.call("run/start", ["plugin": "nothing"]) }
  }

  @Test
  func `a program that cannot be started is answered with its step, its errno and its run`() throws {
    let world = try World()
    try world.addPlugin("plain", #"{"name":"plain","version":"1","command":["/etc/passwd"]}"#)
    let host = try world.host()
    let error = try #require(throws: RPCError.self) { try host.call("run/start", ["plugin": "plain"]) }
    let data = try #require(error.data)
    #expect(error.code == 1006 && data["name"] == "spawn_failed")
    #expect(data["step"] == "exec" && data["errno"] == "EACCES" && data["path"] == "/etc/passwd")
    #expect(data["run"]?["id"]?.string == (try world.run().id.description))
    let evidence = try rows(world, "SELECT evidence FROM transitions WHERE \"to\" = 'failed'")
    #expect(evidence.contains(#""start":{"step":"exec","errno":"EACCES","path":"/etc/passwd"}"#))
  }

  @Test
  func `a subscription brings every event from any number on, and how the run ended, also when it is over`() throws {
    let world = try World()
    let host = try world.host()
    let script = #"""
      for n in 1 2 3; do echo '{"n":'$n'}'; done
      while [ ! -e go ]; do sleep 0.05; done
      echo '{"n":4}'; echo '{"type":"result","status":"ok"}'
      """#
    let id = try host.start("script", script)
    try host.awaitRun(id, "it says nothing") { $0["events"]?.integer == 3 }
    _ = try host.call("run/subscribe", ["run": .string(id), "after": .integer(1)])
    let first = try host.notification("run/appended")
    #expect(first["first"]?.integer == 2 && first["events"] == [["n": .integer(2)], ["n": .integer(3)]])
    try world.folder.write("go", "")
    var next: Int64 = 4
    while next < 6 {
      let more = try host.notification("run/appended")
      #expect(more["first"]?.integer == next)
      guard case .array(let events)? = more["events"] else { break }
      next += Int64(events.count)
    }
    #expect(next == 6)
    var change = try host.notification("run/changed")
    while change["run"]?["disposal"] != "gone" { change = try host.notification("run/changed") }
    #expect(change["run"]?["status"] == "succeeded")

    let late = try world.host()
    _ = try late.call("run/subscribe", ["run": .string(id), "after": .integer(4)])
    #expect(try late.notification("run/appended")["first"]?.integer == 5)
    #expect(try late.notification("run/changed")["run"]?["status"] == "succeeded")
  }

  private func rows(_ world: World, _ query: String) throws -> String {
    let script = """
      import sqlite3, sys
      for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print("|".join(str(value) for value in row))
      """
    let child = try Child(
      "/usr/bin/env", ["python3", "-c", script, "\(world.state)/ledger.db", query], environment: world.environment)
    try #require(try child.wait() == .code(0), "\(child.errors)")
    return String(child.output.dropLast())
  }

  // A zombie keeps its number for as long as nobody reaps it.
  @Test
  func `an orphan that ends while its run goes on is reaped`() throws {
    let world = try World()
    let host = try world.host()
    // Without limits nothing else makes the host look.
    let id = try host.start(
      "script", "(setsid sleep 0.5 & ); exec sleep 1000", limits: ["memory": "none", "tasks": "none"])
    let children = "/proc/\(host.process.pid)/task/\(host.process.pid)/children"
    var orphan = ""
    try eventually("it is not adopted") {
      orphan = try contents(children)
      return !orphan.isEmpty
    }
    try eventually("it is not reaped: \(orphan)") { try contents(children).isEmpty }
    #expect(try host.run(id)["status"] == "running")
    try host.end()
  }
}
