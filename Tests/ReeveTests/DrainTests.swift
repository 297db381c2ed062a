import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// How a host ends while it has work.
@Suite(.tags(.large))
struct DrainTests {
  private func waiting(for file: String) -> String {
    #"while [ ! -e \#(file) ]; do sleep 0.02; done; echo '{"type":"result","status":"ok"}'"#
  }

  // X19
  @Test
  func `a host that drains takes nothing new, and lets what runs and what waits finish`() throws {
    let world = try World()
    try world.configure(#"{"max_running": 1, "drain": "1h"}"#)
    let host = try world.host()
    let running = try host.start("script", waiting(for: "go"))
    let queued = try host.start("script", waiting(for: "go"))
    host.process.signal(SIGTERM)
    try eventually("it does not drain") { try host.call("host/status")["draining"] == .bool(true) }
    let refused = #expect(throws: RPCError.self) { try host.start("script", "true") }
    #expect(refused?.code == 1007 && refused?.data?["name"] == "host_stopping")
    #expect(try host.run(running)["status"] == "running" && host.run(queued)["status"] == "queued")
    try world.folder.write("go", "")
    #expect(try host.process.wait() == .code(0))
    #expect(try world.runs().map(\.status) == [.succeeded, .succeeded])
    try world.expectInvariants("after a drain")
  }

  @Test
  func `when the time is over the rest is cancelled by shutdown, those that wait as well`() throws {
    let world = try World()
    try world.configure(#"{"max_running": 1}"#)
    let host = try world.host()
    for _ in 0..<2 { _ = try host.start("script", waiting(for: "never")) }
    #expect(try host.call("host/drain", ["timeout": "300ms"])["draining"] == .bool(true))
    try eventually("they go on") { try world.runs().allSatisfy { $0.status == .cancelled && $0.reason == "shutdown" } }
    try host.end()
    #expect(try world.runs().map(\.disposal) == [.gone, .none])
    try world.expectInvariants("after the drain's end")
  }

  // Z14
  @Test
  func `a second signal ends a drain now`() throws {
    let world = try World()
    try world.configure(#"{"drain": "1h"}"#)
    let host = try world.host()
    let id = try host.start("script", "trap '' TERM; while true; do sleep 0.05; done", limits: ["grace": "1h"])
    host.process.signal(SIGTERM)
    try eventually("it does not drain") { try host.call("host/status")["draining"] == .bool(true) }
    #expect(try host.run(id)["status"] == "running")
    host.process.signal(SIGTERM)
    #expect(try host.process.wait() == .code(0))
    let row = try world.run()
    #expect(row.status == .cancelled && row.reason == "shutdown" && row.exit == .signal(SIGKILL))
    try world.expectInvariants("after a second signal")
  }
}
