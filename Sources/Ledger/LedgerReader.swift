public import Kernel
public import Model

/// Reads the ledger from a program that owns no run: lists, look-ups.
public struct LedgerReader: ~Copyable {
  private let database: Database

  /// Opens the ledger of a state folder for reading; nil when there is none yet.
  public static func open(in folder: borrowing Directory) throws(LedgerError) -> LedgerReader? {
    do {
      guard try folder.status(of: LedgerFile.name) != nil else { return nil }
    } catch {
      throw LedgerError(.cannotOpen, "the ledger in \(folder.path): \(error)")
    }
    try LedgerFile.prepare(in: folder)
    let database = try Database(path: "\(folder.path)/\(LedgerFile.name)", mode: .existing)
    try database.forbidWrites()
    return LedgerReader(database: database)
  }

  /// The run of this name.
  public func run(_ id: RunID) throws(LedgerError) -> RunRecord? {
    let statement = try Statement(database, "SELECT \(RunColumns.selection) FROM runs WHERE id = ?")
    return try statement.first(of: database, { $0.add(id.description) }, { RunColumns.read($0) })
  }

  /// The runs whose names begin like this, at most so many, oldest first.
  public func runs(beginning prefix: String, limit: Int) throws(LedgerError) -> [RunRecord] {
    // `~` sorts behind every character that a name may have.
    try list("WHERE id >= ? AND id < ? ORDER BY id LIMIT ?") {
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
    try list("ORDER BY id DESC LIMIT ?") { $0.add(Int64(limit)) }
  }

  /// What SQLite finds wrong with the file; nil when it is sound.
  public func damage() throws(LedgerError) -> String? {
    let statement = try Statement(database, "PRAGMA quick_check(1)")
    let said = try statement.first(of: database, { _ in }) { $0.text(0) } ?? "nothing was said"
    return said == "ok" ? nil : said
  }

  /// How many runs it holds.
  public func count() throws(LedgerError) -> Int64 { try database.number("SELECT count(*) FROM runs") }

  /// Where the socket of a host lies.
  public func sockets(of host: HostID) throws(LedgerError) -> String? {
    let statement = try Statement(database, "SELECT sockets FROM hosts WHERE id = ?")
    return try statement.first(of: database, { $0.add(host.description) }, { $0.text(0) })
  }

  private func list(
    _ clause: String, _ bind: (inout Statement.Binder) -> Void
  ) throws(LedgerError) -> [RunRecord] {
    let statement = try Statement(database, "SELECT \(RunColumns.selection) FROM runs \(clause)")
    var runs: [RunRecord] = []
    try statement.each(of: database, bind) { row in
      if let run = RunColumns.read(row) { runs.append(run) }
    }
    return runs
  }
}
