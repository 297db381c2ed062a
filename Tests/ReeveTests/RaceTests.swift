import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// Many at once, and two at the same moment.
@Suite(.tags(.large), .serialized)
struct RaceTests {
  // X1, X6. REEVE_CANCEL_RACES changes how many.
  @Test
  func `ten thousand races of cancel against exit each give one verdict, and the answer tells which`() throws {
    let count = TestEnvironment.value("REEVE_CANCEL_RACES").flatMap { Int($0) } ?? 10_000
    let world = try World()
    try world.addPlugin(
      "sleep", #"{"name":"sleep","version":"1","command":["/bin/sleep","{prompt}"],"result":"exit"}"#)
    let host = try world.host()
    var won: [String: Bool] = [:]
    var started: [RPCIdentifier] = []
    var next = 0
    // In microseconds; whoever wins is given less time, so that it is close whatever machine this is.
    var delay = 8000
    while won.count < count {
      while started.count < 8 && next < count {
        let span = "0." + String(1_000_000 + delay).dropFirst()
        started.append(try host.send("run/start", ["plugin": "sleep", "prompt": .string(span)]))
        next += 1
      }
      let id = try #require(try host.answer(started.removeFirst())["run"]?["id"]?.string)
      let answer = try host.call("run/cancel", ["run": .string(id), "urgency": "now"])
      let isCancelled = answer["cancelled"] == .bool(true)
      won[id] = isCancelled
      delay = min(max(delay + (isCancelled ? -100 : 100), 0), 900_000)
      #expect((answer["run"]?["status"] == "cancelled") == isCancelled)
    }
    try eventually("not all are buried") { try host.call("host/status")["runs"] == [:] }
    let rows = try world.runs()
    #expect(rows.count == count)
    for row in rows {
      #expect(row.status == (won[row.id.description] == true ? .cancelled : .succeeded), "\(row.id)")
    }
    let lost = won.values.filter { !$0 }.count
    print("cancel against exit: \(count - lost) won by cancel, \(lost) by exit")
    #expect(lost > 0 && lost < count, "that was no race")
    try host.end()
    try world.expectInvariants("after the races")
  }

  // P8, P9
  @Test
  func `eight hosts with a hundred runs each on one ledger lose nothing, and nobody hears that it is busy`() throws {
    let world = try World()
    let hosts = try (0..<8).map { _ in try world.host() }
    let script = #"echo '{"type":"result","status":"ok","output":7}'"#
    for _ in 0..<100 {
      for host in hosts { _ = try host.send("run/start", ["plugin": "script", "prompt": .string(script)]) }
    }
    for host in hosts {
      try eventually("not all end", within: .seconds(180)) {
        let runs = try world.runs()
        return runs.count == 800 && runs.allSatisfy { $0.gone != nil }
      }
      #expect(try host.call("host/status")["ledger"] == "ok")
      #expect(!host.process.errors.contains("ledger"), "\(host.process.errors)")
    }
    #expect(try world.runs().allSatisfy { $0.status == .succeeded && $0.output?.text == "7" && $0.isRecorded })
    for host in hosts { try host.end() }
    try world.expectInvariants("after eight hosts")
  }

  // P9
  @Test
  func `twenty processes that create one ledger at once all have their run recorded`() throws {
    let world = try World()
    let script = #"echo '{"type":"result","status":"ok"}'"#
    let commands = try (0..<20).map { _ in try world.reeve("run", "script", script, "--wait", "gone") }
    for command in commands {
      #expect(try command.wait() == .code(0), "\(command.errors)")
      #expect(command.errors == "")
    }
    #expect(try world.runs().count == 20)
    try world.expectInvariants("after twenty creators")
  }
}
