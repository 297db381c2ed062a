public import Kernel
public import Model

/// Reads the ledger from a program that owns no run: lists, look-ups.
public struct LedgerReader: ~Copyable {
  private let database: Database
  /// What whoever opened it should tell people; nil when all is well.
  public let notice: String?

  /// Opens the ledger of a state folder for reading; nil when there is none yet.
  public static func open(in folder: borrowing Directory) throws(LedgerError) -> LedgerReader? {
    do {
      guard try folder.status(of: LedgerFile.name) != nil else { return nil }
    } catch {
      throw LedgerError(.cannotOpen, "the ledger in \(folder.path): \(error)")
    }
    do throws(LedgerError) {
      let notice = try LedgerFile.prepare(in: folder)
      let database = try Database(path: "\(folder.path)/\(LedgerFile.name)", mode: .existing)
      try database.forbidWrites()
      // The first read makes what SQLite needs beside the file.
      _ = try database.number("SELECT count(*) FROM sqlite_schema")
      return LedgerReader(database: database, notice: notice)
    } catch {
      guard let frozen = try? openFrozen(in: folder, because: error) else { throw error }
      return frozen
    }
  }

  /// Where nothing can be written any more, on a full disk or a read-only one, the record can still be read, as long as no
  /// log lies beside it that would have to be read with it.
  private static func openFrozen(
    in folder: borrowing Directory, because error: LedgerError
  ) throws -> LedgerReader {
    guard [.full, .readOnly, .cannotOpen, .inputOutput].contains(error.code),
      try folder.status(of: LedgerFile.name + "-wal").map({ $0.bytes == 0 }) ?? true
    else { throw error }
    let database = try Database(path: "\(folder.path)/\(LedgerFile.name)", mode: .frozen)
    guard try database.number("PRAGMA user_version") == Schema.migrations.count else { throw error }
    return LedgerReader(database: database, notice: error.message)
  }

  /// The run of this name.
  public func run(_ id: RunID) throws(LedgerError) -> RunRecord? {
    let statement = try Statement(
      database, parameters: 1, "SELECT \(RunColumns.selection) FROM runs WHERE id = ?")
    return try statement.first(of: database, { $0.add(id.description) }, { RunColumns.read($0.values) })
  }

  /// The runs whose names begin like this, at most so many, oldest first.
  public func runs(beginning prefix: String, limit: Int) throws(LedgerError) -> [RunRecord] {
    // `~` sorts behind every character that a name may have.
    try list("WHERE id >= ? AND id < ? ORDER BY id LIMIT ?", parameters: 3) {
      $0.add(prefix)
      $0.add(prefix + "~")
      $0.add(Int64(limit))
    }
  }

  /// The runs of which something may still be there, newest first.
  public func liveRuns() throws(LedgerError) -> [RunRecord] {
    try list("WHERE gone IS NULL ORDER BY id DESC") { _ in }
  }

  /// The newest runs, newest first.
  public func allRuns(limit: Int) throws(LedgerError) -> [RunRecord] {
    try list("ORDER BY id DESC LIMIT ?", parameters: 1) { $0.add(Int64(limit)) }
  }

  /// The newest runs that are as a query says, newest first, and at most as many.
  public func runs(_ query: RunQuery) throws(LedgerError) -> [RunRecord] {
    let conditions = query.conditions
    let clause = conditions.isEmpty ? "" : "WHERE \(conditions.map(\.text).joined(separator: " AND "))"
    let values = conditions.flatMap(\.values)
    let rest = "\(clause) ORDER BY id DESC LIMIT ?"
    return try list(rest, columns: RunColumns.excerpts, parameters: values.count + 1) { binder in
      for value in values { binder.add(value) }
      binder.add(Int64(query.limit))
    }
  }

  /// What SQLite finds wrong with the file; nil when it is sound.
  public func damage() throws(LedgerError) -> String? { try database.damage() }

  /// How many runs it holds.
  public func count() throws(LedgerError) -> Int64 { try database.number("SELECT count(*) FROM runs") }

  /// A host, living or not.
  public func host(_ id: HostID) throws(LedgerError) -> HostRecord? {
    let statement = try Statement(database, parameters: 1, "SELECT \(HostColumns.selection) FROM hosts WHERE id = ?")
    return try statement.first(of: database, { $0.add(id.description) }, { HostColumns.read($0.values) })
  }

  /// How a run came to be what it is, oldest first.
  public func transitions(of run: RunID) throws(LedgerError) -> [Transition] {
    let statement = try Statement(
      database, parameters: 1,
      """
      SELECT at, "from", "to", reason, host, evidence FROM transitions WHERE run = ? 
      ORDER BY CASE "to" WHEN 'queued' THEN 0 WHEN 'starting' THEN 1 WHEN 'running' THEN 2 ELSE 3 END
      """)
    var transitions: [Transition] = []
    try statement.each(of: database, { $0.add(run.description) }) { row in
      var values = row.values
      guard let at = values.integer() else { return }
      let from = values.text()
      guard let to = values.text() else { return }
      transitions.append(
        Transition(
          at: Timestamp(milliseconds: at), from: from, to: to, reason: values.text(), host: values.text() ?? "",
          evidence: values.text().map { JSONText(valid: $0) }))
    }
    return transitions
  }

  private func list(
    _ clause: String, columns: String = RunColumns.selection, parameters: Int = 0,
    _ bind: (inout Statement.Binder) -> Void
  ) throws(LedgerError) -> [RunRecord] {
    let statement = try Statement(
      database, parameters: parameters, "SELECT \(columns) FROM runs \(clause)")
    var runs: [RunRecord] = []
    try statement.each(of: database, bind) { row in
      if let run = RunColumns.read(row.values) { runs.append(run) }
    }
    return runs
  }
}
