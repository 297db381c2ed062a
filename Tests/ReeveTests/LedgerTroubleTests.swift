import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// A ledger that takes nothing, for whatever reason and as long as it may be.
@Suite(.tags(.large))
struct LedgerTroubleTests {
  /// What SQLite says, by its number.
  enum Trouble: Int, CaseIterable, Sendable {
    case busy = 5
    case readOnly = 8
    case inputOutput = 10
    case corrupt = 11
    case full = 13
  }

  /// A host whose ledger is broken as long as a file is there.
  private func breakableHost(_ world: World, _ trouble: Trouble) throws -> TestHost {
    world.environment["LD_PRELOAD"] = try Repository.program("libFaults.so")
    world.environment["REEVE_FAULTS"] = "broken:\(trouble.rawValue)"
    world.environment["REEVE_FAULTS_MARK"] = world.path("broken")
    let host = try world.host()
    for name in ["LD_PRELOAD", "REEVE_FAULTS", "REEVE_FAULTS_MARK"] { world.environment[name] = nil }
    return host
  }

  /// Ends in a way that no transcript tells.
  private let script = "touch ready; while [ ! -e go ]; do sleep 0.02; done; exit 7"

  private func begin(_ world: World, _ host: Client) throws -> String {
    let id = try host.start("script", script)
    try eventually("it does not begin") { world.has("ready") }
    try eventually("its beginning is not recorded") { try world.run().status == .running }
    return id
  }

  // T2, M9
  @Test(arguments: Trouble.allCases)
  func `a verdict that the ledger refuses is announced as not recorded, kept, and recorded when that is over`(
    trouble: Trouble
  ) throws {
    let world = try World()
    let host = try breakableHost(world, trouble)
    let id = try begin(world, host)
    _ = try host.call("run/subscribe", ["run": .string(id)])
    try world.folder.write("broken", "")
    try world.folder.write("go", "")
    var change = try host.notification("run/changed")
    while change["run"]?["status"] == "running" { change = try host.notification("run/changed") }
    #expect(change["run"]?["status"] == "failed" && change["run"]?["recorded"] == .bool(false))
    #expect(change["run"]?["flags"]?.array?.contains("ledger_delayed") == true)
    try eventually("the host does not notice") { try host.call("host/status")["ledger"] == "delayed" }
    // No row, no run.
    let refused = #expect(throws: RPCError.self) { try host.call("run/start", ["plugin": "echo", "prompt": "a"]) }
    #expect(refused?.code == 1010)
    unlink(world.path("broken"))
    while change["run"]?["recorded"] != .bool(true) { change = try host.notification("run/changed") }
    #expect(try host.call("host/status")["ledger"] == "ok")
    let row = try world.awaitRun("it is not buried") { $0.gone != nil }
    #expect(row.status == .failed && row.reason == "exit" && row.exit == .code(7) && row.flags.contains(.ledgerDelayed))
    try host.end()
    try world.expectInvariants("after \(trouble)")
  }

  // T2, O9
  @Test(arguments: Trouble.allCases)
  func `a verdict that was kept aside survives its host, and nobody else judges the run`(trouble: Trouble) throws {
    let world = try World()
    let host = try breakableHost(world, trouble)
    let id = try begin(world, host)
    let spill = "\(world.state)/hosts/\(try world.run().host).spill"
    let before = try Descriptor.open(spill, flags: O_RDONLY).readAll(limit: .max) ?? []
    try world.folder.write("broken", "")
    try world.folder.write("go", "")
    try host.awaitRun(id, "it does not end") { $0["status"] == "failed" && $0["disposal"] == "gone" }
    try eventually("it is not kept aside") {
      let now = try Descriptor.open(spill, flags: O_RDONLY).readAll(limit: .max) ?? []
      return now != before && String(decoding: now, as: UTF8.self).contains("gone")
    }
    host.process.signal(SIGKILL)
    try host.process.wait()
    #expect(try world.run().status == .running)
    let recovered = try world.call("recover")
    #expect(recovered.code == .code(0) && recovered.errors.contains("had kept aside"), "\(recovered.errors)")
    let row = try world.run()
    #expect(row.status == .failed && row.reason == "exit" && row.exit == .code(7) && row.disposal == .gone)
    try world.expectInvariants("a spill after \(trouble)")
  }

  @Test
  func `reeve run says that its verdict is kept aside, and the next reeve records it`() throws {
    let world = try World()
    world.environment["LD_PRELOAD"] = try Repository.program("libFaults.so")
    world.environment["REEVE_FAULTS"] = "broken:8"
    world.environment["REEVE_FAULTS_MARK"] = world.path("broken")
    let reeve = try world.reeve("run", "script", script)
    for name in ["LD_PRELOAD", "REEVE_FAULTS", "REEVE_FAULTS_MARK"] { world.environment[name] = nil }
    try eventually("it does not begin") { world.has("ready") }
    try eventually("its beginning is not recorded") { try world.run().status == .running }
    try world.folder.write("broken", "")
    try world.folder.write("go", "")
    #expect(try reeve.wait() == .code(3))
    #expect(reeve.errors.contains("kept aside and will be recorded"), "\(reeve.errors)")
    try eventually("it is not recorded") {
      try #require(try world.call("ps").code == .code(0))
      return try world.run().gone != nil
    }
    let row = try world.run()
    #expect(row.status == .failed && row.exit == .code(7))
  }

  // P9
  @Test
  func `a ledger that another program holds for longer than the timeout loses nothing`() throws {
    let world = try World()
    let host = try world.host()
    let id = try begin(world, host)
    let script = """
      import sqlite3, sys, time
      c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute("BEGIN IMMEDIATE"); print("held", flush=True)
      time.sleep(1000)
      """
    let holder = try Child(
      "/usr/bin/env", ["python3", "-c", script, "\(world.state)/ledger.db"], environment: world.environment)
    try eventually("nobody holds it: \(holder.errors)") { holder.output.contains("held") }
    try world.folder.write("go", "")
    // Announced long before the timeout is over; the calls of others are answered meanwhile.
    let run = try host.awaitRun(id, "it does not end") { $0["status"] == "failed" }
    #expect(run["recorded"] == .bool(false))
    try eventually("the host does not notice") { try host.call("host/status")["ledger"] == "delayed" }
    holder.signal(SIGKILL)
    try holder.wait()
    try eventually("it is never recorded") { try world.run().gone != nil }
    #expect(try world.run().exit == .code(7))
    try host.end()
    try world.expectInvariants("after a holder")
  }

  @Test
  func `when not even the room that was freed is enough, the spill has room of its own`() throws {
    guard let world = try? World(stateBytes: 4 << 20) else {
      return skip("no file system of a given size can be mounted here")
    }
    let host = try world.host()
    let id = try begin(world, host)
    func fill() throws {
      let file = Glibc.open("\(world.state)/filler", O_WRONLY | O_CREAT | O_APPEND, 0o600)
      defer { close(file) }
      let piece = [UInt8](repeating: 0, count: 4096)
      while write(file, piece, piece.count) > 0 {}
    }
    try fill()
    // What the host gives back is taken as well.
    unlink("\(world.state)/hosts/\(try world.run().host).reserve")
    try fill()
    try world.folder.write("go", "")
    try host.awaitRun(id, "it does not end") { $0["status"] == "failed" && $0["disposal"] == "gone" }
    // Whether the log had room left is for SQLite to know; either way it is not lost with the host.
    usleep(500_000)
    host.process.signal(SIGKILL)
    try host.process.wait()
    unlink("\(world.state)/filler")
    let recovery = try world.call("recover")
    #expect(recovery.code == .code(0), "\(recovery.errors)")
    #expect(try world.run().exit == .code(7))
    try world.expectInvariants("after a full disk")
  }

  @Test
  func `the record can be read where nothing can be written any more`() throws {
    guard let world = try? World(stateBytes: 2 << 20) else {
      return skip("no file system of a given size can be mounted here")
    }
    #expect(try world.call("run", "script", answer, "--wait", "gone").code == .code(0))
    let file = Glibc.open("\(world.state)/filler", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    let piece = [UInt8](repeating: 0, count: 4096)
    while write(file, piece, piece.count) > 0 {}
    close(file)
    let listed = try world.call("ps", "--all")
    #expect(listed.code == .code(0) && listed.output.contains("succeeded"), "\(listed.errors)")
    #expect(listed.errors.contains("full"), "\(listed.errors)")
    let refused = try world.call("run", "script", answer)
    #expect(refused.code == .code(3) && refused.errors.contains("full"), "\(refused.errors)")
  }

  // MARK: - Damage

  private func damage(_ world: World) throws {
    // All of it must be in the file, and not only in the log.
    let script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA wal_checkpoint(TRUNCATE)')"
    let child = try Child(
      "/usr/bin/env", ["python3", "-c", script, "\(world.state)/ledger.db"], environment: world.environment)
    try #require(try child.wait() == .code(0), "\(child.errors)")
    let file = try Descriptor.open("\(world.state)/ledger.db", flags: O_WRONLY)
    // Behind the header, so that it is still SQLite's.
    try file.writeAll([UInt8](repeating: 0x5a, count: 12_000).span.bytes, at: 100)
  }

  private let answer = #"echo '{"type":"result","status":"ok"}'"#

  @Test
  func `a damaged ledger is set aside with its log, and said so, when no host lives`() throws {
    let world = try World()
    #expect(try world.call("run", "script", answer, "--wait", "gone").code == .code(0))
    try damage(world)
    let next = try world.call("run", "script", answer, "--wait", "gone")
    #expect(next.code == .code(0) && next.errors.contains("set aside as"), "\(next.errors)")
    let files = try Directory.open(world.state).entries()
    #expect(files.contains { $0.hasPrefix("ledger.db.damaged-") })
    #expect(try world.runs().count == 1)
    let doctor = try world.call("doctor")
    #expect(doctor.output.contains("ledger.db.damaged-"), "\(doctor.output)")
  }

  @Test
  func `a damaged ledger stays where it is while a host lives, and what that host has is not lost`() throws {
    let world = try World()
    let host = try world.host()
    let id = try begin(world, host)
    try damage(world)
    let refused = try world.call("run", "script", answer)
    #expect(refused.code == .code(3) && refused.errors.contains("still works on it"), "\(refused.errors)")
    #expect(!(try Directory.open(world.state).entries().contains { $0.hasPrefix("ledger.db.damaged-") }))
    try world.folder.write("go", "")
    try host.awaitRun(id, "it does not end") { $0["status"] == "failed" && $0["disposal"] == "gone" }
    usleep(500_000)
    host.process.signal(SIGKILL)
    try host.process.wait()
    let next = try world.call("run", "script", answer, "--wait", "gone")
    #expect(next.code == .code(0), "\(next.errors)")
    try eventually("what was kept aside is not recorded") {
      try #require(try world.call("recover").code == .code(0))
      return try world.runs().contains { $0.id.description == id && $0.gone != nil }
    }
    let row = try #require(try world.runs().first { $0.id.description == id })
    #expect(row.status == .failed && row.exit == .code(7))
    try world.expectInvariants("after damage")
  }

  // What is written to a file that nobody can find is not recorded.
  @Test(arguments: ["removed", "replaced"])
  func `a ledger that was removed or replaced is noticed, and what would have gone there is kept`(how: String) throws {
    let world = try World()
    let host = try ServedHost(world)
    let id = try begin(world, host)
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] { rename("\(world.state)/\(name)", world.path(name)) }
    if how == "replaced" { #expect(try world.call("run", "echo", "hi").code == .code(0)) }
    try world.folder.write("go", "")
    try host.awaitRun(id, "it does not end") { $0["status"] == "failed" && $0["disposal"] == "gone" }
    #expect(try host.run(id)["recorded"] == false)
    #expect(try host.call("host/status")["ledger"] == "delayed")
    let refused = #expect(throws: RPCError.self) { try host.call("run/start", ["plugin": "echo", "prompt": "a"]) }
    #expect(refused?.code == 1010 && refused?.message.contains("removed or replaced") == true)
    host.finish()
    #expect(try host.process.wait() == .code(3))
    #expect(host.process.errors.contains("kept aside"), "\(host.process.errors)")
    // The next one tells its story anew.
    #expect(try world.call("recover").code == .code(0))
    let run = try #require(try world.runs().first { $0.id.description == id })
    #expect(run.status == .failed && run.exit == .code(7))
  }
}
