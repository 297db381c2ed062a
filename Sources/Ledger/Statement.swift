internal import CSQLite

/// A prepared statement. Every use binds every parameter: one that is forgotten would silently be NULL.
///
/// How many there are is said where the statement is written, and compared with what SQLite found when it is prepared.
struct Statement: ~Copyable {
  private let handle: OpaquePointer
  private let parameterCount: Int32

  /// How many columns a row has.
  var columnCount: Int32 { sqlite3_column_count(handle) }

  init(_ database: borrowing Database, parameters: Int = 0, _ sql: String) throws(LedgerError) {
    var handle: OpaquePointer?
    let result = sqlite3_prepare_v3(database.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
    guard let handle, result == SQLITE_OK else { throw database.error(result) }
    let found = sqlite3_bind_parameter_count(handle)
    guard found == parameters else {
      sqlite3_finalize(handle)
      throw LedgerError(.other, "a statement says that it has \(parameters) parameters, and has \(found): \(sql)")
    }
    self.handle = handle
    parameterCount = found
  }

  deinit { sqlite3_finalize(handle) }

  /// The values of one use, in the order of the statement's parameters.
  struct Binder: ValueSink {
    fileprivate let handle: OpaquePointer
    fileprivate var count: Int32 = 0
    fileprivate var result = SQLITE_OK

    mutating func add(_ value: Int64?) {
      count += 1
      note(value.map { sqlite3_bind_int64(handle, count, $0) } ?? sqlite3_bind_null(handle, count))
    }

    mutating func add(_ value: Double?) {
      count += 1
      note(value.map { sqlite3_bind_double(handle, count, $0) } ?? sqlite3_bind_null(handle, count))
    }

    mutating func add(_ value: String?) {
      count += 1
      guard var value else { return note(sqlite3_bind_null(handle, count)) }
      let result = value.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) { text in
          // An empty buffer may have no address, which SQLite would take for NULL.
          text.baseAddress.map { cs_bind_text(handle, count, $0, Int32(text.count)) }
            ?? cs_bind_text(handle, count, "", 0)
        }
      }
      note(result)
    }

    private mutating func note(_ result: Int32) {
      if self.result == SQLITE_OK { self.result = result }
    }
  }

  /// One row of an answer; columns count from 0.
  struct Row {
    fileprivate let handle: OpaquePointer

    /// Its columns, one after the other.
    var values: RowValues { RowValues(row: self) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func integer(_ column: Int32) -> Int64? { isNull(column) ? nil : sqlite3_column_int64(handle, column) }

    func number(_ column: Int32) -> Double? { isNull(column) ? nil : sqlite3_column_double(handle, column) }

    func text(_ column: Int32) -> String? {
      guard let start = sqlite3_column_text(handle, column) else { return nil }
      // By length, not to the first NUL: a prompt may hold one.
      let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// Runs a statement that gives no rows.
  func run(on database: borrowing Database, _ bind: (inout Binder) -> Void) throws(LedgerError) {
    try each(of: database, bind) { _ in }
  }

  /// Runs a query and hands out its rows.
  func each(
    of database: borrowing Database, _ bind: (inout Binder) -> Void, _ body: (Row) -> Void
  ) throws(LedgerError) {
    var binder = Binder(handle: handle)
    bind(&binder)
    precondition(binder.count == parameterCount, "a statement has \(parameterCount) parameters, \(binder.count) bound")
    guard binder.result == SQLITE_OK else { throw database.error(binder.result) }
    // A statement that is not reset keeps its read transaction open.
    defer { sqlite3_reset(handle) }
    while true {
      let result = sqlite3_step(handle)
      switch result {
      case SQLITE_ROW: body(Row(handle: handle))
      case SQLITE_DONE: return
      default: throw database.error(result)
      }
    }
  }

  /// Runs a query and reads its first row.
  func first<Value>(
    of database: borrowing Database, _ bind: (inout Binder) -> Void, _ read: (Row) -> Value?
  ) throws(LedgerError) -> Value? {
    var found: Value?
    try each(of: database, bind) { row in if found == nil { found = read(row) } }
    return found
  }
}

/// The columns of a row, from the first on.
struct RowValues: ValueSource {
  fileprivate let row: Statement.Row
  private var column: Int32 = -1

  fileprivate init(row: Statement.Row) { self.row = row }

  mutating func integer() -> Int64? { row.integer(next()) }

  mutating func number() -> Double? { row.number(next()) }

  mutating func text() -> String? { row.text(next()) }

  private mutating func next() -> Int32 {
    column += 1
    return column
  }
}
