import Kernel
import Model
import Support
import Testing

@testable import Ledger

/// What the database itself refuses, whoever asks.
@Suite(.tags(.medium), .timeLimit(.minutes(5)))
struct LedgerRulesTests {
  /// Writes a run of this status into the database by the shortest way that there is.
  private func insert(_ name: String, _ status: Status, into database: borrowing Database) throws {
    let way: [Status] =
      switch status {
      case .queued: [.queued]
      case .starting: [.starting]
      case .running: [.starting, .running]
      case .succeeded, .failed, .cancelled, .timedOut, .outOfMemory, .lost: [.starting, .running, status]
      }
    try database.execute(
      """
      INSERT INTO runs (id, host, plugin, status, disposal, flags, created, directory, prompt, labels, limits, events,
        events_stored, bytes, noise)
      SELECT '\(name)', id, 'hello', '\(way[0].rawValue)', 'none', '', 1, '/', '', '{}', '{}', 0, 0, 0, 0 FROM hosts
      """)
    for next in way.dropFirst() {
      try database.execute("UPDATE runs SET status = '\(next.rawValue)' WHERE id = '\(name)'")
    }
  }

  @Test
  func `of all pairs of statuses just the legal ones are taken`() throws {
    let book = try Book()
    let database = try book.connect()
    var tried = 0
    for from in Status.allCases {
      for to in Status.allCases {
        let name = "\(from)-\(to)"
        try insert(name, from, into: database)
        var refusal: LedgerError?
        do throws(LedgerError) {
          try database.execute("UPDATE runs SET status = '\(to.rawValue)' WHERE id = '\(name)'")
        } catch {
          refusal = error
        }
        #expect((refusal == nil) == from.successors.contains(to), "\(name)")
        #expect(refusal == nil || refusal?.code == .forbidden)
        let kept = refusal == nil ? to : from
        let query = "SELECT count(*) FROM runs WHERE id = '\(name)' AND status = '\(kept.rawValue)'"
        #expect(try database.number(query) == 1, "\(name)")
        tried += 1
      }
    }
    #expect(tried == 81)
  }

  @Test(arguments: Status.allCases)
  func `a run begins queued or starting, and never with a verdict`(status: Status) throws {
    let book = try Book()
    let run = book.run().becoming(status)
    book.send(.open(run))
    let mayBegin = status == .queued || status == .starting
    #expect(try book.outcomes(1) == [mayBegin ? "opened" : "notOpened forbidden"])
    #expect(try book.stored(run.id)?.status == (mayBegin ? status : nil))
    #expect(try book.transitions(run.id).count == (mayBegin ? 1 : 0))
  }

  /// Runs a statement in SQLite's own shell; what it complained of, nil when it did not.
  private func shell(_ book: Book, _ statement: String) throws -> String? {
    let path = "\(book.folder.path)/\(LedgerFile.name)"
    let child = try Child("sqlite3", ["-batch", "-bail", path, statement], environment: ["PATH": "/usr/bin:/bin"])
    return try child.wait() == .code(0) ? nil : child.errors
  }

  private func hasShell() throws -> Bool {
    let child = try Child("sqlite3", ["--version"], environment: ["PATH": "/usr/bin:/bin"])
    if try child.wait() == .code(0) { return true }
    skip("the rules of the ledger against SQLite's shell: sqlite3 is not installed")
    return false
  }

  /// A ledger with a run that succeeded and is buried, one that failed and is not, and one that lives.
  private func makeHistory() throws -> (book: Book, done: RunRecord, unburied: RunRecord, live: RunRecord) {
    let book = try Book()
    let (done, unburied, live) = (book.run(), book.run(), book.run())
    for run in [done, unburied, live] { book.send(.open(run)) }
    let verdict = done.becoming(.succeeded)
    book.send(.change(verdict, from: .starting, evidence: nil))
    book.send(.facts(verdict.buried()))
    var failure = unburied.becoming(.failed)
    failure.disposal = .killing
    book.send(.change(failure, from: .starting, evidence: nil))
    #expect(try book.outcomes(6).allSatisfy { !$0.hasPrefix("refused") })
    return (book, verdict.buried(), failure, live)
  }

  @Test
  func `SQLite's shell can neither change a verdict nor rewrite history`() throws {
    guard try hasShell() else { return }
    let (book, done, unburied, live) = try makeHistory()
    let name = "'\(done.id)'"
    let columns = RunColumns.written.joined(separator: ", ")
    let dump = "SELECT * FROM runs ORDER BY id"
    let refused = [
      "UPDATE runs SET status = 'running' WHERE id = \(name)",
      "UPDATE runs SET status = 'succeeded' WHERE id = \(name)",
      "UPDATE OR IGNORE runs SET status = 'failed' WHERE id = \(name)",
      "UPDATE runs SET reason = 'exit' WHERE id = \(name)",
      "UPDATE runs SET settled = 1 WHERE id = \(name)",
      "UPDATE runs SET output = NULL WHERE id = \(name)",
      "UPDATE runs SET text = 'other' WHERE id = \(name)",
      "UPDATE runs SET error = 'other' WHERE id = \(name)",
      "UPDATE runs SET host = 'other' WHERE id = \(name)",
      "UPDATE runs SET resumes = 'other' WHERE id = \(name)",
      "UPDATE runs SET parent = 'other' WHERE id = \(name)",
      "UPDATE runs SET resumed_by = 'other' WHERE id = '\(live.id)'",
      "UPDATE runs SET id = \(name) WHERE id = '\(live.id)'",
      "UPDATE OR REPLACE runs SET id = \(name) WHERE id = '\(live.id)'",
      "UPDATE runs SET id = 'other' WHERE id = \(name)",
      "INSERT OR REPLACE INTO runs (\(columns)) SELECT \(columns) FROM runs WHERE id = \(name)",
      """
      INSERT OR REPLACE INTO runs (\(columns))
      SELECT \(columns.replacing("id,", with: "\(name),", count: 1)) FROM runs WHERE id = '\(live.id)'
      """,
      """
      INSERT INTO runs (\(columns)) SELECT \(columns.replacing("id,", with: "'new',", count: 1)) FROM runs
      WHERE id = \(name)
      """,
      """
      INSERT INTO runs (\(columns)) SELECT \(columns) FROM runs WHERE id = '\(live.id)'
      ON CONFLICT (id) DO UPDATE SET status = 'succeeded'
      """,
      "DELETE FROM runs WHERE id = '\(live.id)'",
      "DELETE FROM runs WHERE id = '\(unburied.id)'",
      "DELETE FROM runs",
      "UPDATE runs SET limits_text = NULL",
      "UPDATE runs SET environment_text = 2 WHERE id = \(name)",
      "UPDATE texts SET text = 'other'",
      "UPDATE texts SET id = 7",
      "REPLACE INTO texts (id, host, text) SELECT id, host, 'other' FROM texts",
      "DELETE FROM texts",
      "UPDATE transitions SET \"to\" = 'failed' WHERE run = \(name)",
      "UPDATE transitions SET evidence = 'x'",
      "UPDATE OR REPLACE transitions SET run = \(name)",
      "DELETE FROM transitions WHERE run = \(name)",
      "DELETE FROM transitions",
      """
      REPLACE INTO transitions (run, at, "to", host) SELECT run, 1, "to", host FROM transitions WHERE run = \(name)
      """,
    ]
    let all = { () throws in
      try [dump, "SELECT * FROM transitions ORDER BY run, at", "SELECT * FROM texts ORDER BY id"].map {
        try rows(book, $0)
      }
    }
    let before = try all()
    for statement in refused {
      // Such a fault is none of the rules' doing: it would hide that nothing was refused.
      let complaint = try #require(try shell(book, statement), "taken: \(statement)")
      #expect(!complaint.contains("syntax") && !complaint.contains("no such"), "\(complaint)")
    }
    #expect(try all() == before)
  }

  @Test
  func `SQLite's shell can delete a run that is terminal and gone, and its history goes with it`() throws {
    guard try hasShell() else { return }
    let (book, done, unburied, live) = try makeHistory()
    #expect(try shell(book, "DELETE FROM runs WHERE id = '\(done.id)'") == nil)
    #expect(try book.stored(done.id) == nil)
    #expect(try book.transitions(done.id) == [])
    #expect(try book.stored(unburied.id) == unburied)
    #expect(try book.stored(live.id) == live)
    #expect(try book.transitions(unburied.id).count == 2)
  }

  @Test(arguments: [true, false])
  func `a run that is deleted takes its history along, whether foreign keys are enforced or not`(enforced: Bool) throws
  {
    let (book, done, _, _) = try makeHistory()
    let database = try book.connect()
    try database.execute("PRAGMA foreign_keys = \(enforced ? "ON" : "OFF")")
    try database.execute("DELETE FROM runs WHERE id = '\(done.id)'")
    #expect(try book.transitions(done.id) == [])
    #expect(try database.number("SELECT count(*) FROM pragma_foreign_key_check") == 0)
  }

  @Test
  func `facts of a terminal run may be written by SQLite's shell`() throws {
    guard try hasShell() else { return }
    let (book, _, unburied, _) = try makeHistory()
    #expect(try shell(book, "UPDATE runs SET disposal = 'gone', gone = 5 WHERE id = '\(unburied.id)'") == nil)
    #expect(try book.stored(unburied.id)?.disposal == .gone)
  }

  /// All rows of a query, their columns in one text.
  private func rows(_ book: Book, _ query: String) throws -> [String] {
    let database = try book.connect()
    let statement = try Statement(database, query)
    let width = statement.columnCount
    var rows: [String] = []
    try statement.each(of: database, { _ in }) { row in
      rows.append((0..<width).map { row.text($0) ?? "NULL" }.joined(separator: "|"))
    }
    return rows
  }
}

extension String {
  /// The text with the first occurrence of a word replaced.
  fileprivate func replacing(_ word: String, with other: String, count: Int) -> String {
    replacing(word[...], with: other[...], maxReplacements: count)
  }
}
