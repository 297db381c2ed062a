import Glibc
import Model
import Support
import Testing
import Wire

/// A child in the v1 freezer survives SIGKILL: the nearest thing to a process that cannot die.
@Suite(.tags(.large))
struct FrozenTests {
  // H4; torture list 20
  @Test(arguments: ["cancel", "wall"])
  func `a child that survives SIGKILL holds up no verdict, no other run and no call`(end: String) throws {
    guard let freezer = Freezer.make() else { return skip("no v1 freezer: a child that survives SIGKILL") }
    let world = try World()
    let host = try world.host()
    let id = try host.start(
      "script", #"echo '{"type":"progress"}'; sleep 1000"#,
      limits: ["grace": "100ms", "bury": "100ms", "wall": end == "wall" ? "2s" : "1h"])
    let running = try host.awaitRun(id, "it does not run") { $0["events"]?.integer == 1 }
    let pid = Int32(try #require(running["pid"]?.integer))
    try freezer.freeze(pid)

    if end == "cancel" {
      #expect(try host.call("run/cancel", ["run": .string(id), "urgency": "now"])["cancelled"] == true)
    }
    let verdict = end == "cancel" ? "cancelled" : "timed_out"
    try host.awaitRun(id, "no verdict") { $0["status"]?.string == verdict }
    #expect(isAlive(pid))
    try host.awaitRun(id, "it is not given up") { $0["disposal"]?.string == "stuck" }
    #expect(isAlive(pid))

    // The others are undisturbed, and every call is answered.
    let other = try host.start("echo", "undisturbed")
    try host.awaitRun(other, "the other run is held up") { $0["status"]?.string == "succeeded" }
    let status = try host.call("host/status")
    #expect(status["stuck"] == [.string(id)])
    #expect(try host.call("run/cancel", ["run": .string(id)])["cancelled"] == false)
    let row = try #require(try world.runs().first { $0.id.description == id })
    #expect(row.status.rawValue == verdict && row.disposal == .stuck && row.gone == nil)

    freezer.thaw()
    let gone = try host.awaitRun(id, "it is not buried after the thaw") { $0["disposal"]?.string == "gone" }
    #expect(gone["status"]?.string == verdict)
    #expect(!isAlive(pid))
  }

  @Test
  func `a host with a child that survives SIGKILL ends in its bound all the same`() throws {
    guard let freezer = Freezer.make() else { return skip("no v1 freezer: a host that ends with a stuck child") }
    let world = try World()
    let reeve = try world.reeve(
      "run", "script", "echo '{}'; sleep 1000", "--limit", "grace=100ms", "--limit", "bury=100ms", "--wait", "gone")
    let run = try world.awaitRun("it does not run") { $0.status == .running && $0.pid != nil }
    try freezer.freeze(try #require(run.pid))
    reeve.signal(SIGINT)
    #expect(try reeve.wait() == .code(130))
    let row = try world.run()
    #expect(row.status == .cancelled && row.disposal == .stuck)
    freezer.thaw()
    // The kernel has the kill in hand, and the host's end as well.
    try eventually("it survives the thaw") { !isAlive(run.pid ?? 0) }
  }

  // H4: ten at once, by every way to end them.
  @Test(arguments: ["cancel", "wall", "shutdown", "drain"])
  func `ten children that survive SIGKILL hold up nobody, and calls are answered meanwhile`(end: String) throws {
    guard let freezer = Freezer.make() else { return skip("no v1 freezer: ten children that survive SIGKILL") }
    let world = try World()
    if end == "drain" { try world.configure(#"{"drain": "300ms"}"#) }
    let host = try world.host()
    let ids = try (0..<10).map { _ in
      try host.start(
        "script", #"echo '{"type":"progress"}'; sleep 1000"#,
        limits: ["grace": "100ms", "bury": "100ms", "wall": end == "wall" ? "3s" : "1h"])
    }
    var pids: [Int32] = []
    for id in ids {
      let running = try host.awaitRun(id, "it does not run") { $0["events"]?.integer == 1 }
      pids.append(Int32(try #require(running["pid"]?.integer)))
      try freezer.freeze(pids[pids.count - 1])
    }
    if end == "shutdown" || end == "drain" {
      host.process.signal(SIGTERM)
      #expect(try host.process.wait() == .code(0))
      #expect(try world.runs().allSatisfy { $0.status == .cancelled && $0.disposal == .stuck && $0.isRecorded })
    } else {
      if end == "cancel" { for id in ids { _ = try host.call("run/cancel", ["run": .string(id)]) } }
      for id in ids {
        try host.awaitRun(id, "it is not judged and given up") { $0["disposal"]?.string == "stuck" }
        #expect(try host.run(id)["leftovers"]?.array?.isEmpty == false)
      }
      #expect(pids.allSatisfy { isAlive($0) })
      let other = try host.start("echo", "undisturbed")
      try host.awaitRun(other, "another run is held up") { $0["status"]?.string == "succeeded" }
    }
    freezer.thaw()
    try eventually("they survive the thaw") { !pids.contains { isAlive($0) } }
  }
}
