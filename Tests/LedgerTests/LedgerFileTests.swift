import Glibc
import Kernel
import Loop
import Model
import Support
import Synchronization
import Testing

@testable import Ledger

@Suite(.tags(.medium), .timeLimit(.minutes(5)))
struct LedgerFileTests {
  /// The bytes of the ledger's file.
  private func bytes(_ place: borrowing TemporaryDirectory) throws -> [UInt8]? {
    try Descriptor.open("\(place.path)/\(LedgerFile.name)", flags: O_RDONLY).readAll(limit: .max)
  }

  private func database(_ place: borrowing TemporaryDirectory) throws -> Database {
    try Database(path: "\(place.path)/\(LedgerFile.name)", mode: .create)
  }

  private func version(_ place: borrowing TemporaryDirectory) throws -> Int64 {
    let database = try database(place)
    return try database.number("PRAGMA user_version")
  }

  /// Why the ledger in this place is refused; it must be left as it was, with nothing beside it.
  private func refusal(_ place: borrowing TemporaryDirectory) throws -> LedgerError {
    let before = try bytes(place)
    let folder = try place.open()
    var refusal: LedgerError?
    do {
      try LedgerFile.prepare(in: folder)
    } catch {
      refusal = error
    }
    #expect(try bytes(place) == before)
    #expect(try Set(folder.entries()).isSubset(of: [LedgerFile.name, LedgerFile.lockName]))
    return try #require(refusal)
  }

  @Test
  func `many that make one ledger at once all succeed, and it has one schema`() throws {
    let place = try TemporaryDirectory()
    let path = place.path
    let results = Mutex<[String]>([])
    let count = 20
    for index in 0..<count {
      try Worker("maker") {
        let result: Result<Void, any Error> = Result {
          let folder = try Directory.open(path)
          guard index % 4 == 0 else { return _ = try LedgerFile.prepare(in: folder) }
          let host = makeHost()
          let left = try Ledger(folder: folder, hosts: folder, host: host)
            .close(host.id, at: now(), patience: .seconds(60)).unwritten
          if left > 0 { throw LedgerError(.other, "\(left) left") }
        }
        results.withLock { $0.append("\(result)") }
      }.detach()
    }
    try eventually { results.withLock { $0.count } == count }
    #expect(results.withLock { Set($0) } == ["success()"])
    let database = try database(place)
    #expect(try database.number("SELECT count(*) FROM sqlite_schema WHERE name = 'runs'") == 1)
    #expect(try database.number("SELECT count(*) FROM hosts WHERE ended IS NOT NULL") == 5)
    #expect(try database.number("PRAGMA user_version") == Int64(Schema.migrations.count))
    let folder = try place.open()
    #expect(try folder.status(of: LedgerFile.name)?.permissions == 0o600)
  }

  @Test
  func `a ledger that is open keeps its hold on the file while this process looks at it otherwise`() throws {
    let book = try Book()
    let run = book.run()
    book.send(.open(run))
    #expect(try book.outcomes(1) == ["opened"])
    // Kernel locks go when their process closes any descriptor of the file, and SQLite holds such locks.
    #expect(try book.stored(run.id) == run)
    try LedgerFile.prepare(in: try book.folder.open())
    // Another process that believes itself the last one folds the log in and removes it.
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM runs'); c.close()"
    let path = "\(book.folder.path)/\(LedgerFile.name)"
    let other = try Child("python3", ["-c", script, path], environment: ["PATH": "/usr/bin:/bin"])
    #expect(try other.wait() == .code(0), "\(other.errors)")
    #expect(try book.folder.open().status(of: "ledger.db-wal") != nil)
  }

  @Test(arguments: ["no database", "xy", String(repeating: "SQLite format 4\0", count: 512)])
  func `a file that is no SQLite database is refused by name and left as it is`(text: String) throws {
    let place = try TemporaryDirectory()
    let path = try place.write(LedgerFile.name, text)
    let error = try refusal(place)
    #expect(error.code == .notALedger && error.message.contains(path))
    #expect(error.message.contains("not an SQLite database"))
  }

  @Test
  func `an SQLite database of another program is refused and left as it is`() throws {
    for mark in ["CREATE TABLE t (a)", "PRAGMA user_version = 1", "PRAGMA application_id = 7; CREATE TABLE t (a)"] {
      let place = try TemporaryDirectory()
      do {
        let foreign = try database(place)
        try foreign.execute(mark)
      }
      let error = try refusal(place)
      #expect(error.code == .notALedger && error.message.contains("belongs to another program"), "\(mark)")
      #expect(error.message.contains(place.path))
    }
  }

  @Test
  func `a ledger of a newer Reeve is refused and left as it is`() throws {
    let place = try TemporaryDirectory()
    try LedgerFile.prepare(in: try place.open(), migrations: Schema.migrations + ["CREATE TABLE later (a)"])
    let error = try refusal(place)
    #expect(error.code == .newerSchema && error.message.contains("newer Reeve") && error.message.contains(place.path))
  }

  @Test
  func `an older ledger is brought forward step by step, and keeps its data`() throws {
    let place = try TemporaryDirectory()
    let folder = try place.open()
    let steps = [
      "CREATE TABLE notes (text)", "INSERT INTO notes VALUES ('one')", "UPDATE notes SET text = text || ' two'",
    ]
    try LedgerFile.prepare(in: folder)
    do {
      let database = try database(place)
      try database.execute(
        """
        INSERT INTO hosts (id, pid, start_ticks, boot, version, started, lock_device, lock_inode, sockets)
        VALUES ('h', 1, 1, 'b', 'v', 1, 1, 1, '/')
        """)
    }
    try LedgerFile.prepare(in: folder, migrations: Schema.migrations + steps.prefix(1))
    try LedgerFile.prepare(in: folder, migrations: Schema.migrations + steps)
    // Done once: a second time finds nothing to do.
    try LedgerFile.prepare(in: folder, migrations: Schema.migrations + steps)
    let database = try database(place)
    #expect(try database.number("SELECT count(*) FROM notes WHERE text = 'one two'") == 1)
    #expect(try database.number("SELECT count(*) FROM hosts") == 1)
    #expect(try version(place) == Int64(Schema.migrations.count + 3))
  }

  @Test
  func `a migration that fails leaves the old version whole, and can be tried again`() throws {
    let place = try TemporaryDirectory()
    let folder = try place.open()
    let broken = ["CREATE TABLE notes (text)", "INSERT INTO nowhere VALUES (1)"]
    #expect(throws: LedgerError.self) { try LedgerFile.prepare(in: folder, migrations: broken) }
    #expect(try version(place) == 0)
    try LedgerFile.prepare(in: folder)
    let old = try version(place)
    #expect(throws: LedgerError.self) { try LedgerFile.prepare(in: folder, migrations: Schema.migrations + broken) }
    #expect(try version(place) == old)
    let database = try database(place)
    #expect(try database.number("SELECT count(*) FROM sqlite_schema WHERE name = 'notes'") == 0)
    try LedgerFile.prepare(in: folder, migrations: Schema.migrations + broken.prefix(1))
    #expect(try version(place) == old + 1)
  }

  @Test
  func `whoever makes a ledger waits for another process that is making it, and gives up when its patience ends`()
    throws
  {
    let place = try TemporaryDirectory()
    let folder = try place.open()
    let script = """
      import fcntl, sys, time
      file = open(sys.argv[1], "w")
      fcntl.lockf(file, fcntl.LOCK_EX)
      print("held", flush=True)
      time.sleep(1000)
      """
    let holder = try Child(
      "python3", ["-c", script, "\(place.path)/\(LedgerFile.lockName)"], environment: ["PATH": "/usr/bin:/bin"])
    try eventually("no lock: \(holder.errors)") { holder.output == "held\n" }

    let began = Clock.now()
    var refusal: LedgerError?
    do {
      try LedgerFile.prepare(in: folder, migrations: Schema.migrations, patience: .milliseconds(100))
    } catch {
      refusal = error
    }
    #expect(refusal?.code == .busy && Clock.now() - began >= .milliseconds(100))
    #expect(refusal?.message.contains("another process") == true)
    #expect(try folder.status(of: LedgerFile.name) == nil)

    let path = place.path
    let done = Mutex<String?>(nil)
    try Worker("waiter") {
      let result = Result { try LedgerFile.prepare(in: try Directory.open(path)) }
      done.withLock { $0 = "\(result)" }
    }.detach()
    let later = Clock.now() + .milliseconds(100)
    try eventually { Clock.now() >= later }
    #expect(done.withLock { $0 } == nil)
    holder.signal(SIGKILL)
    try eventually { done.withLock { $0 } != nil }
    #expect(done.withLock { $0 } == "success(nil)")
  }

  @Test
  func `a ledger that is a link is not followed`() throws {
    let place = try TemporaryDirectory()
    let other = try TemporaryDirectory()
    try LedgerFile.prepare(in: try other.open())
    symlink("\(other.path)/\(LedgerFile.name)", "\(place.path)/\(LedgerFile.name)")
    #expect(throws: LedgerError.self) { try LedgerFile.prepare(in: try place.open()) }
  }
}
