internal import CSQLite

/// One connection to an SQLite file. It belongs to one thread.
struct Database: ~Copyable {
  enum Mode {
    case create
    case existing
    /// Reads a file that nobody can be writing to, and writes nothing beside it either.
    case frozen
  }

  let handle: OpaquePointer
  let path: String

  /// Once, before the first connection.
  private static let prepareLibrary: Void = { _ = cs_count_no_memory() }()

  /// How long that is, where nothing better is known.
  static let busyTimeoutMilliseconds: Int32 = 5000

  init(path: String, mode: Mode) throws(LedgerError) {
    let flags =
      switch mode {
      case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
      // A mere reader of a WAL database too takes part in its shared memory, so it must be able to write.
      case .existing: SQLITE_OPEN_READWRITE
      case .frozen: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
      }
    let name = mode == .frozen ? "file:\(Database.escaped(path))?immutable=1" : path
    var handle: OpaquePointer?
    Database.prepareLibrary
    // Only the owning thread touches it: SQLite's own mutexes would be wasted. No link is followed.
    let result = sqlite3_open_v2(name, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, nil)
    guard let handle, result == SQLITE_OK else {
      let said = handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(result))
      let systemError = handle.map { sqlite3_system_errno($0) } ?? 0
      sqlite3_close(handle)
      throw LedgerError(result: result, said: said, systemError: systemError, path: path)
    }
    self.handle = handle
    self.path = path
    _ = cs_extended_result_codes(handle)
    // First of all: every later statement may meet another writer.
    setBusyTimeout(Database.busyTimeoutMilliseconds)
  }

  /// How long a write waits for another process before it gives up.
  func setBusyTimeout(_ milliseconds: Int32) { sqlite3_busy_timeout(handle, milliseconds) }

  /// A path as it stands in a URI.
  private static func escaped(_ path: String) -> String {
    path.utf8.map { byte in
      let isPlain = UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "-")...UInt8(ascii: "9") ~= byte
      return isPlain ? String(UnicodeScalar(byte)) : "%" + String(256 + Int(byte), radix: 16).dropFirst()
    }.joined()
  }

  /// Closed when the last of its statements is gone as well.
  deinit { sqlite3_close_v2(handle) }

  /// Refuses to write from now on.
  func forbidWrites() throws(LedgerError) { try execute("PRAGMA query_only = ON") }

  /// The error that the last call left.
  func error(_ result: Int32) -> LedgerError {
    LedgerError(
      result: result, said: String(cString: sqlite3_errmsg(handle)), systemError: sqlite3_system_errno(handle),
      path: path)
  }

  /// Runs statements that take no parameters and give no rows that matter.
  func execute(_ sql: String) throws(LedgerError) {
    let result = sqlite3_exec(handle, sql, nil, nil, nil)
    guard result == SQLITE_OK else { throw error(result) }
  }

  /// The first column of the first row.
  func number(_ sql: String) throws(LedgerError) -> Int64 {
    let statement = try Statement(self, sql)
    return try statement.first(of: self, { _ in }) { $0.integer(0) } ?? 0
  }

  /// The first column of the first row, as text.
  func text(_ sql: String) throws(LedgerError) -> String? {
    let statement = try Statement(self, sql)
    return try statement.first(of: self, { _ in }) { $0.text(0) }
  }

  /// What SQLite finds wrong with the file; nil when it is sound. It reads all of it.
  func damage() throws(LedgerError) -> String? {
    let said = try text("PRAGMA quick_check(1)") ?? "nothing was said"
    return said == "ok" ? nil : said
  }

  /// Whether a failed statement has ended the transaction too, as a full disk does.
  var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

  /// How many rows the last write changed.
  var changes: Int32 { sqlite3_changes(handle) }

  /// The number of the row that was inserted last.
  var lastRow: Int64 { sqlite3_last_insert_rowid(handle) }

  /// Runs the body as one transaction that takes the write lock at once: upgrading a read later would
  /// fail without waiting when another writer came between.
  func transaction(_ body: () throws(LedgerError) -> Void) throws(LedgerError) {
    try execute("BEGIN IMMEDIATE")
    do throws(LedgerError) {
      try body()
      try execute("COMMIT")
    } catch {
      rollBack()
      throw error
    }
  }

  /// Gives up the transaction, if there still is one.
  func rollBack() {
    if isInTransaction { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
  }
}
