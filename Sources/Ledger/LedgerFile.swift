internal import Glibc
public import Kernel
public import Model

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

  /// Says that somebody met damage, so that the next one to open the ledger looks at all of it.
  static let damageMark = "ledger.damaged"

  /// Makes the ledger if there is none and brings it up to date. `folder` is the state folder.
  ///
  /// A damaged one is set aside if no host lives that may be writing to it; then the answer says so, for people.
  ///
  /// `own` is the host that is about to open it and has not yet: it does not count.
  @discardableResult
  public static func prepare(in folder: borrowing Directory, own: HostID? = nil) throws(LedgerError) -> String? {
    try prepare(in: folder, migrations: Schema.migrations, own: own)
  }

  @discardableResult
  static func prepare(
    in folder: borrowing Directory, migrations: [String], patience: TimeSpan = patience, own: HostID? = nil
  ) throws(LedgerError) -> String? {
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
    let notice = try openOrReplace(path, in: folder, migrations: migrations, own: own)
    lock.release()
    return notice
  }

  private static func openOrReplace(
    _ path: String, in folder: borrowing Directory, migrations: [String], own: HostID?
  ) throws(LedgerError) -> String? {
    do throws(LedgerError) {
      let isSuspicious = isMarked(folder)
      try open(path, migrations: migrations, suspicious: isSuspicious)
      // It was the disk, or a reader, and not the file.
      if isSuspicious { try? folder.remove(damageMark) }
      return nil
    } catch {
      guard error.code == .corrupt else { throw error }
      let name = try setAside(in: folder, because: error, own: own)
      try open(path, migrations: migrations, suspicious: false)
      return "\(error.message); it was set aside as \(folder.path)/\(name), and a new one begun"
    }
  }

  private static func open(_ path: String, migrations: [String], suspicious: Bool) throws(LedgerError) {
    let database = try Database(path: path, mode: .create)
    if suspicious { try examine(database) }
    try migrate(database, migrations: migrations)
  }

  // MARK: - Damage

  /// Somebody met damage in the ledger at this path.
  static func noteDamage(of path: String) {
    let folder = path.dropLast(name.utf8.count)
    if let mark = try? Descriptor.open("\(folder)\(damageMark)", flags: O_WRONLY | O_CREAT) { mark.close() }
  }

  private static func isMarked(_ folder: borrowing Directory) -> Bool {
    (try? folder.status(of: damageMark)).flatMap { $0 } != nil
  }

  private static func examine(_ database: borrowing Database) throws(LedgerError) {
    guard let damage = try database.damage() else { return }
    throw LedgerError(.corrupt, "the ledger \(database.path) is damaged: \(damage)")
  }

  /// Moves a damaged ledger out of the way, with its log.
  private static func setAside(
    in folder: borrowing Directory, because error: LedgerError, own: HostID?
  ) throws(LedgerError) -> String {
    if let host = livingHost(in: folder, butFor: own) {
      throw LedgerError(
        .corrupt,
        "\(error.message); the host \(host) still works on it: when that has ended, a new one is begun")
    }
    let aside = "\(name).damaged-\(Clock.wallMilliseconds())"
    do {
      // The log first: a new ledger must never meet the log of another.
      for suffix in ["-wal", "-shm", ""] where try folder.status(of: name + suffix) != nil {
        try folder.rename(name + suffix, to: aside + suffix)
      }
      if isMarked(folder) { try folder.remove(damageMark) }
    } catch let problem {
      throw LedgerError(.corrupt, "\(error.message); it cannot be set aside: \(problem)")
    }
    return aside
  }

  /// A host that lives and may have it open; who cannot be looked at may live.
  private static func livingHost(in folder: borrowing Directory, butFor own: HostID?) -> String? {
    do throws(SystemError) {
      guard try folder.status(of: "hosts") != nil else { return nil }
      let hosts = try folder.openDirectory("hosts")
      for name in try hosts.entries() where name.hasSuffix(".lock") && name != own.map({ "\($0).lock" }) {
        if case .held = try FileLock.probe(in: hosts, name: name) { return String(name.dropLast(5)) }
      }
      return nil
    } catch {
      return "that cannot be told (\(error))"
    }
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
      guard try database.text("PRAGMA journal_mode = WAL") == "wal" else {
        throw LedgerError(
          .cannotOpen,
          "the ledger \(database.path) cannot have a write-ahead log where it lies; set REEVE_STATE to a folder on a disk "
            + "of this machine")
      }
    }
    guard version < migrations.count else { return }
    try database.transaction { () throws(LedgerError) in
      for migration in migrations[Int(version)...] { try database.execute(migration) }
      try database.execute(
        "PRAGMA application_id = \(Schema.applicationIdentifier); PRAGMA user_version = \(migrations.count)")
    }
  }
}
