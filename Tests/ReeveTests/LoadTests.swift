import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// Nothing is left over, however many runs there were.
@Suite(.tags(.large), .serialized)
struct LoadTests {
  /// What a process holds.
  struct Holdings: Equatable {
    var descriptors: Int
    var threads: Int
    var children: Int
  }

  // Z16, M8; torture list 42. REEVE_SHORT_RUNS changes how many.
  @Test
  func `short runs leave no descriptor, zombie, thread, file or memory behind`() throws {
    let count = TestEnvironment.value("REEVE_SHORT_RUNS").flatMap { Int($0) } ?? 10_000
    let world = try World()
    try world.addPlugin("true", #"{"name":"true","version":"1","command":["/bin/true"],"result":"exit"}"#)
    let host = try world.host()
    // The first hundreds fill caches and pools; what grows after them grows for ever.
    let start = { try host.send("run/start", ["plugin": "true"]) }
    try runAll(host, 500, start)
    let before = try holdings(host)
    // So does what a busy machine makes it pile up for a moment: the second half must not need more than the first.
    try runAll(host, count / 2, start)
    let memory = try residentBytes(host)
    try runAll(host, count - count / 2, start)
    try eventually("something is left over") { try holdings(host) == before }
    #expect(before.children == 0)
    let growth = try residentBytes(host) - memory
    #expect(growth < 4 << 20, "\(growth >> 10) KiB after \(count) runs")
    #expect(try host.call("host/status")["runs"] == [:])
    #expect(try Directory.open("\(world.state)/runs").entries() == [])
    let runs = try world.runs()
    #expect(runs.count == count + 500)
    #expect(runs.allSatisfy { $0.status == .succeeded && $0.disposal == .gone && $0.exit == .code(0) })
  }

  // Under load the answer is in the pipe before the host has heard that the program runs.
  @Test
  func `an agent that answers at once is heard, however busy the host is`() throws {
    let world = try World()
    let host = try world.host()
    let script = #"echo '{"type":"result","status":"ok","output":1}'"#
    try runAll(host, 1000) { try host.send("run/start", ["plugin": "script", "prompt": .string(script)]) }
    let runs = try world.runs()
    #expect(runs.count == 1000)
    #expect(runs.allSatisfy { $0.status == .succeeded && $0.output?.text == "1" && $0.events == 1 })
  }

  // Torture list 43
  @Test
  func `a thousand runs at once all settle, each with its own answer`() throws {
    let world = try World()
    try world.configure(#"{"max_running":"none"}"#)
    let host = try world.host()
    // Answered, so that this client's own connection is among what it holds.
    _ = try host.call("host/status")
    let before = try holdings(host)
    let calls = try (0..<1000).map { number in
      let script = #"echo '{"type":"text","text":"\#(number)"}'; sleep 2; echo '{"type":"result","status":"ok"}'"#
      return try host.send("run/start", ["plugin": "script", "prompt": .string(script)])
    }
    var ids: [String] = []
    for call in calls { ids.append(try #require(try host.answer(call)["run"]?["id"]?.string)) }
    try eventually("not all settle", within: .seconds(180)) {
      try host.call("host/status")["runs"] == [:]
    }
    let rows = Dictionary(uniqueKeysWithValues: try world.runs().map { ($0.id.description, $0) })
    for (number, id) in ids.enumerated() {
      let row = try #require(rows[id])
      #expect(row.status == .succeeded && row.disposal == .gone && row.text == "\(number)")
    }
    try eventually("something is left over") { try holdings(host) == before }
  }

  /// Runs so many, sixteen at a time.
  private func runAll(_ host: TestHost, _ count: Int, _ start: () throws -> RPCIdentifier) throws {
    var calls: [RPCIdentifier] = []
    for _ in 0..<count {
      if calls.count == 16 { _ = try host.answer(calls.removeFirst()) }
      calls.append(try start())
    }
    for call in calls { _ = try host.answer(call) }
    try eventually("not all settle") { try host.call("host/status")["runs"] == [:] }
  }

  private func holdings(_ host: TestHost) throws -> Holdings {
    let pid = host.process.pid
    let children = try ProcessTable.all().filter { $0.parent == pid }.count
    return Holdings(
      descriptors: try Directory.open("/proc/\(pid)/fd", following: true).entries().count,
      threads: try Directory.open("/proc/\(pid)/task", following: true).entries().count, children: children)
  }
}

/// How much memory a process has.
func residentBytes(_ host: TestHost) throws -> Int { try residentBytes(host.process.pid) }

func residentBytes(_ pid: Int32) throws -> Int {
  let fields = try contents("/proc/\(pid)/statm").split(separator: " ")
  return try #require(Int(fields[1])) * Int(sysconf(Int32(_SC_PAGESIZE)))
}
