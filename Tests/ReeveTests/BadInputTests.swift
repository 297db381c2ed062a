import Glibc
import Kernel
import Ledger
import Model
import Support
import Testing

/// Bad input gets one clear line, its exit code, and no row or a terminal one.
@Suite(.tags(.large))
struct BadInputTests {
  @Test
  func `an unknown plugin is refused with the names that are near`() throws {
    let world = try World()
    try expectRefusal(world, ["run", "ehco", "hi"], code: 2, saying: ["“ehco”", "“echo”"])
    try expectRefusal(world, ["run", "../echo", "hi"], code: 2, saying: ["“../echo”"])
  }

  @Test
  func `a broken manifest is refused with its file, line and column`() throws {
    let world = try World()
    try world.addPlugin("broken", "{\n  \"name\": \"broken\",\n  \"version\" \"1\"\n}\n")
    try expectRefusal(world, ["run", "broken"], code: 3, saying: ["broken/plugin.json:3:13:"])
  }

  @Test
  func `an unknown key in a manifest is named, wherever it is`() throws {
    let world = try World()
    try world.addPlugin("a", #"{"name":"a","version":"1","command":["/bin/true"],"colour":1}"#)
    try expectRefusal(world, ["run", "a"], code: 3, saying: ["a/plugin.json", "“colour”", "unknown key"])
    try world.addPlugin("b", #"{"name":"b","version":"1","command":["/bin/true"],"env":{"paas":[]}}"#)
    try expectRefusal(world, ["run", "b"], code: 3, saying: ["“env.paas”"])
    try world.addPlugin("c", #"{"name":"c","version":"1","command":["/bin/true"],"limits":{"wal":"1s"}}"#)
    try expectRefusal(world, ["run", "c"], code: 3, saying: ["“limits.wal”", "wall"])
  }

  @Test(arguments: [
    (["run"], "PLUGIN"), (["run", "echo", "a", "b"], "“b”"), (["run", "echo", "--colour"], "“--colour”"),
    (["frobnicate"], "“frobnicate”"), ([], "reeve help"), (["run", "echo", "--limit", "wall"], "NAME=VALUE"),
    (["run", "echo", "--limit", "wal=1s"], "“wal”"), (["run", "echo", "--limit", "wall=10"], "“10”"),
    (["run", "echo", "--limit", "wall=900000h"], "“900000h”"), (["run", "echo", "--limit", "grace=none"], "“grace”"),
    (["run", "echo", "--cwd", "/nowhere/at/all"], "/nowhere/at/all"), (["show", "zzz"], "“zzz”"),
    (["show", "il"], "“il”"), (["logs", "0", "--after", "x"], "there is no run"), (["ps", "--limit", "0"], "--limit"),
    (["run", "echo", "--wait", "exit"], "“gone”"), (["run", "echo", "--wait"], "“--wait”"),
  ])
  func `a wrong command line is refused with what is wrong`(words: [String], saying: String) throws {
    try expectRefusal(try World(), words, code: 2, saying: [saying])
  }

  @Test
  func `a state folder that cannot be used is refused by name`() throws {
    let world = try World()
    world.environment["REEVE_STATE"] = try world.folder.write("file", "")
    try expectRefusal(world, ["run", "echo", "hi"], code: 3, saying: [world.path("file")])
    // Open to others: what is in it could be read, or replaced.
    try world.folder.open().makeDirectory("open")
    chmod(world.path("open"), 0o755)
    world.environment["REEVE_STATE"] = world.path("open")
    try expectRefusal(world, ["run", "echo", "hi"], code: 3, saying: ["chmod 700"])
    symlink(world.path("plugins"), world.path("link"))
    world.environment["REEVE_STATE"] = world.path("link")
    try expectRefusal(world, ["run", "echo", "hi"], code: 3, saying: [world.path("link"), "link"])
  }

  @Test
  func `a ledger that is no database is refused by name and left as it is`() throws {
    let world = try World()
    try makeState(world)
    let text = "this is somebody's only copy of a poem, and long enough to be read as a header"
    try write(text, to: "\(world.state)/ledger.db")
    for words in [["run", "echo", "hi"], ["ps"]] {
      try expectRefusal(world, words, code: 3, saying: ["\(world.state)/ledger.db", "not an SQLite database"])
    }
    #expect(try contents("\(world.state)/ledger.db") == text)
  }

  @Test
  func `a ledger of a newer Reeve is refused and left as it is`() throws {
    let world = try World()
    #expect(try world.call("run", "echo", "hi").code == .code(0))
    let made = try Child(
      "/usr/bin/python3",
      [
        "-c",
        "import sqlite3; d = sqlite3.connect('state/ledger.db'); d.execute('PRAGMA user_version = 99'); d.close()",
      ],
      environment: world.environment, directory: world.folder.path)
    try #require(try made.wait() == .code(0))
    for words in [["run", "echo", "hi"], ["ps"]] {
      try expectRefusal(world, words, code: 3, saying: ["newer Reeve", "99"])
    }
  }

  // M9
  @Test
  func `a full disk refuses a new run in one line and starts nothing`() throws {
    let world: World
    do {
      world = try World(stateBytes: 1 << 20)
    } catch {
      return skip("no file system could be mounted (\(error)): a full disk")
    }
    let first = try world.call("run", "echo", "hi", "--wait", "gone")
    #expect(first.code == .code(0), "\(first.errors)")
    fill("\(world.state)/filler")
    try expectRefusal(world, ["run", "script", "touch started"], code: 3, saying: ["disk is full"], rows: 1)
    #expect(!world.has("started"))
    unlink("\(world.state)/filler")
    let last = try world.call("run", "echo", "hi")
    #expect(last.code == .code(0), "\(last.errors)")
  }

  // R14
  @Test
  func `a program that is not there fails before there is a row, and one that cannot run leaves a terminal one`() throws
  {
    let world = try World()
    try world.addPlugin("gone", #"{"name":"gone","version":"1","command":["no-such-program"]}"#)
    try expectRefusal(world, ["run", "gone"], code: 3, saying: ["no-such-program", "/usr/bin"])
    try world.addPlugin("plain", #"{"name":"plain","version":"1","command":["/etc/passwd"]}"#)
    try expectRefusal(world, ["run", "plain"], code: 1, saying: ["/etc/passwd"], rows: 1)
    let run = try world.run()
    #expect(run.status == .failed && run.reason == "spawn" && run.disposal == Disposal.none)
  }

  // MARK: - Means

  private func expectRefusal(
    _ world: World, _ words: [String], code: Int32, saying: [String], rows: Int = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let child = try Child(
      Repository.program("reeve"), words, environment: world.environment, directory: world.folder.path)
    let ended = try child.wait()
    #expect(ended == .code(code), "\(child.errors)", sourceLocation: sourceLocation)
    #expect(child.output == "", sourceLocation: sourceLocation)
    #expect(child.errors.hasPrefix("reeve: "), sourceLocation: sourceLocation)
    #expect(child.errors.hasSuffix("\n"), sourceLocation: sourceLocation)
    #expect(child.errors.split(separator: "\n").count == 1, "\(child.errors)", sourceLocation: sourceLocation)
    for text in saying { #expect(child.errors.contains(text), "\(child.errors)", sourceLocation: sourceLocation) }
    if let runs = try? world.runs() {
      #expect(runs.count == rows, sourceLocation: sourceLocation)
      #expect(runs.allSatisfy { $0.status.isTerminal }, sourceLocation: sourceLocation)
    }
  }

  private func makeState(_ world: World) throws {
    try world.folder.open().makeDirectory("state")
  }

  private func write(_ text: String, to path: String) throws {
    try Descriptor.open(path, flags: O_WRONLY | O_CREAT).writeAll(Array(text.utf8).span.bytes)
  }

  /// Takes all the room there is.
  private func fill(_ path: String) {
    guard let file = try? Descriptor.open(path, flags: O_WRONLY | O_CREAT) else { return }
    for size in [65_536, 4096, 512, 1] {
      let piece = [UInt8](repeating: 0, count: size)
      while (try? file.write(piece.span.bytes)) ?? 0 > 0 {}
    }
  }
}
