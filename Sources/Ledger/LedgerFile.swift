internal import Glibc
public import Kernel
internal import Model

/// The ledger's file: found, made, and brought up to date under `ledger.lock`.
///
/// The lock is needed because switching a new file to WAL is not covered by SQLite's busy timeout, and because
/// two processes must not migrate, or make, one file at once.
public enum LedgerFile {
  /// Its name in the state folder.
  public static let name = "ledger.db"
  static let lockName = "ledger.lock"
  /// How long to wait for another process that makes or migrates the ledger.
  static let patience = TimeSpan.seconds(30)

  /// Makes the ledger if there is none and brings it up to date. `folder` is the state folder.
  public static func prepare(in folder: borrowing Directory) throws(LedgerError) {
    try prepare(in: folder, migrations: Schema.migrations)
  }

  static func prepare(
    in folder: borrowing Directory, migrations: [String], patience: TimeSpan = patience
  ) throws(LedgerError) {
    let path = "\(folder.path)/\(name)"
    let lock: FileLock?
    do {
      lock = try FileLock.acquire(in: folder, name: lockName, until: Clock.now() + patience)
    } catch {
      throw LedgerError(.cannotOpen, "the ledger \(path) cannot be locked: \(error)")
    }
    guard let lock else {
      throw LedgerError(.busy, "the ledger \(path) is being made or migrated by another process; try again")
    }
    // Nothing but SQLite opens the file, not even to look at its header: a close of any descriptor of it would drop the
    // locks of every connection in this process, and another process would then take away the log under them.
    let database = try Database(path: path, mode: .create)
    try migrate(database, migrations: migrations)
    lock.release()
  }

  private static func makePrivate(_ path: String) throws(LedgerError) {
    guard chmod(path, 0o600) == 0 else {
      throw LedgerError(.cannotOpen, "the ledger \(path) cannot be made private: \(SystemError.describe(errno))")
    }
  }

  private static func migrate(_ database: borrowing Database, migrations: [String]) throws(LedgerError) {
    let version = try database.number("PRAGMA user_version")
    let owner = try database.number("PRAGMA application_id")
    let tables = try database.number("SELECT count(*) FROM sqlite_schema")
    guard owner == Schema.applicationIdentifier || (owner == 0 && version == 0 && tables == 0) else {
      throw LedgerError(.notALedger, "\(database.path) belongs to another program; move it away and try again")
    }
    guard version > 0 || owner == 0 else {
      throw LedgerError(
        .corrupt, "the ledger \(database.path) has lost its schema's version; move it away to begin anew")
    }
    guard version <= migrations.count else {
      throw LedgerError(
        .newerSchema,
        "the ledger \(database.path) was made by a newer Reeve (schema \(version), this one knows "
          + "\(migrations.count)); use that one")
    }
    if version == 0 {
      // Before there is a log, which is made with the same permissions.
      try makePrivate(database.path)
      try database.execute("PRAGMA journal_mode = WAL")
    }
    guard version < migrations.count else { return }
    try database.transaction { () throws(LedgerError) in
      for migration in migrations[Int(version)...] { try database.execute(migration) }
      try database.execute(
        "PRAGMA application_id = \(Schema.applicationIdentifier); PRAGMA user_version = \(migrations.count)")
    }
  }
}
