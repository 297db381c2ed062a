import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// What is old goes, with its files; what lives or is not buried stays.
@Suite(.tags(.large))
struct PruneTests {
  private func answer(_ bytes: Int = 10) -> String {
    "head -c \(bytes) /dev/zero | tr '\\0' x >&2; echo '{\"type\":\"result\",\"status\":\"ok\"}'"
  }

  private func make(_ world: World, _ script: String) throws -> String {
    let made = try world.call("run", "script", script, "--json", "--wait", "gone")
    return try #require(JSON.parse(made.output)["id"]?.string)
  }

  private func folders(_ world: World) throws -> Set<String> {
    Set(try Directory.open("\(world.state)/runs").entries())
  }

  // X18, P5, P6, P16, Z12
  @Test
  func `prune forgets by age and by outcome, and never what lives; a dry run only counts`() throws {
    let world = try World()
    let good = try make(world, answer())
    let bad = try make(world, "exit 7")
    let host = try world.host()
    let live = try host.start("script", "echo '{}'; while true; do sleep 0.05; done")
    try host.awaitRun(live, "it says nothing") { $0["events"]?.integer == 1 }
    // One that waits has no folder, and is not garbage.
    sleep(1)
    let dry = try world.call("prune", "--dry-run", "--older-than", "1s", "--files-older-than", "1s", "--json")
    let counted = try JSON.parse(dry.output)
    #expect(counted["runs"]?.integer == 2 && counted["dry_run"] == .bool(true))
    #expect(counted["folders"]?.integer == 1, "a folder is counted once: \(dry.output)")
    #expect(try world.runs().count == 3)

    let failed = try world.call("prune", "--older-than", "1s", "--status", "failed")
    #expect(failed.code == .code(0) && failed.output.contains("forgot 1 run "), "\(failed.output)")
    #expect(try world.runs().map(\.id.description) == [good, live])
    #expect(try folders(world).contains(good) && !folders(world).contains(bad))

    #expect(try world.call("prune", "--older-than", "1s").code == .code(0))
    #expect(try world.runs().map(\.id.description) == [live])
    #expect(try folders(world) == [live])
    #expect(try host.run(live)["status"] == "running")
    #expect(try rows(world, "SELECT count(*) FROM transitions WHERE run <> '\(live)'") == "0")
    try host.end()
  }

  @Test
  func `files go before rows: by age, and by size, the oldest first`() throws {
    let world = try World()
    let ids = try (0..<4).map { _ in try make(world, answer(100_000)) }
    #expect(try folders(world) == Set(ids))
    let bySize = try world.call("prune", "--max-size", "256KiB", "--json")
    #expect(try JSON.parse(bySize.output)["folders"]?.integer == 2, "\(bySize.output)")
    #expect(try folders(world) == Set(ids.suffix(2)))
    #expect(try world.runs().count == 4)
    // Its events are said to be missing, and not to have never been.
    let logs = try world.call("logs", ids[0])
    #expect(logs.code == .code(0) && logs.output.contains(#""type":"reeve.gap""#), "\(logs.output)")
    sleep(1)
    #expect(try world.call("prune", "--files-older-than", "1s").code == .code(0))
    #expect(try folders(world) == [])
    #expect(try world.runs().count == 4)
  }

  @Test
  func `what a deletion that was cut short has left goes with the files of its age`() throws {
    let world = try World()
    let id = try make(world, answer())
    _ = try rows(world, "DELETE FROM runs")
    #expect(try world.call("prune").code == .code(0))
    #expect(try folders(world) == [id], "a young folder may belong to a ledger that was set aside")
    sleep(1)
    #expect(try world.call("prune", "--files-older-than", "1s").code == .code(0))
    #expect(try folders(world) == [])
  }

  // Z12
  @Test
  func `a run is deleted with its files when it is over and buried, and refused before`() throws {
    let world = try World()
    let host = try world.host()
    let script = "trap '' TERM; \(answer()); while [ ! -e go ]; do sleep 0.02; done"
    let id = try host.start("script", script, limits: ["leave": "1m", "grace": "1m"])
    try host.awaitRun(id, "it does not succeed") { $0["status"] == "succeeded" && $0["recorded"] == .bool(true) }
    let error = #expect(throws: RPCError.self) { try host.call("run/delete", ["run": .string(id)]) }
    #expect(error?.code == 1012 && error?.data?["status"] == "succeeded" && error?.data?["disposal"] == "leaving")
    let refused = try world.call("prune", id)
    #expect(refused.code == .code(3) && refused.errors.contains("over and buried"))
    try world.folder.write("go", "")
    try host.awaitRun(id, "it is not buried") { $0["disposal"] == "gone" }
    try eventually("its burial is not recorded") { try world.run().gone != nil }
    #expect(try host.call("run/delete", ["run": .string(id)])["deleted"] == .bool(true))
    #expect(try world.runs() == [] && folders(world) == [])
    let missing = #expect(throws: RPCError.self) { try host.call("run/delete", ["run": .string(id)]) }
    #expect(missing?.code == 1001)
    try host.end()
  }

  @Test
  func `a host clears up by itself when that was not done for a day`() throws {
    let world = try World()
    let old = try make(world, answer())
    // As if it had been long ago: the configuration makes it so, and the stamp.
    try world.configure(#"{"retention": {"rows": "1s", "files": "1s"}}"#)
    sleep(1)
    _ = try make(world, answer())
    #expect(try world.runs().count == 2, "it was cleared up a moment ago")
    var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
    try #require(utimensat(AT_FDCWD, "\(world.state)/cleared", &times, 0) == 0)
    let host = try world.host()
    try eventually("it is not cleared up") { try !world.runs().contains { $0.id.description == old } }
    try host.end()
  }

  @Test
  func `prune says what is wrong with what it is told`() throws {
    let world = try World()
    for words in [
      ["--older-than", "soon"], ["--max-size", "9"], ["--status", "running"], ["01m7y6jq2r3cern2bav0x8cmqa"],
    ] {
      let child = try Child(
        try Repository.program("reeve"), ["prune"] + words, environment: world.environment, directory: world.folder.path
      )
      #expect(try child.wait() == .code(2), "\(words): \(child.errors)")
    }
  }

  private func rows(_ world: World, _ query: String) throws -> String {
    let script = """
      import sqlite3, sys
      c = sqlite3.connect(sys.argv[1], isolation_level=None)
      for row in c.execute(sys.argv[2]): print("|".join(str(value) for value in row))
      """
    let child = try Child(
      "/usr/bin/env", ["python3", "-c", script, "\(world.state)/ledger.db", query], environment: world.environment)
    try #require(try child.wait() == .code(0), "\(child.errors)")
    return String(child.output.dropLast())
  }
}
