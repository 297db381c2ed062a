public import Kernel
public import Model

/// What is over and buried, for whoever clears up.
public struct Archive: ~Copyable {
  /// What became of a wish to delete a run.
  public enum Deletion: Equatable, Sendable {
    case deleted
    /// It is not over, or not buried.
    case notFinished(Status, Disposal)
    case notFound
  }

  private let database: Database

  /// Opens the ledger of the state folder at `folder`.
  public init(folder: borrowing Directory) throws(LedgerError) {
    try LedgerFile.prepare(in: folder)
    let database = try Database(path: "\(folder.path)/\(LedgerFile.name)", mode: .existing)
    try Store.configure(database)
    self.database = database
  }

  private static let buried = "gone IS NOT NULL AND status IN (\(Schema.terminal)) AND disposal IN ('none', 'gone')"

  /// The runs that are over and buried, with one of these outcomes, and began before a moment; oldest first, and none that
  /// is named like `last` or before it.
  public func runs(
    before moment: Timestamp, outcomes: [Status], after last: RunID?, limit: Int
  ) throws(LedgerError) -> [RunID] {
    let words = outcomes.map { "'\($0.rawValue)'" }.joined(separator: ", ")
    let statement = try Statement(
      database, parameters: 3,
      "SELECT id FROM runs WHERE id > ? AND created < ? AND status IN (\(words)) AND \(Self.buried) ORDER BY id LIMIT ?"
    )
    var found: [RunID] = []
    let bind = { (binder: inout Statement.Binder) in
      binder.add(last?.description ?? "")
      binder.add(moment.milliseconds)
      binder.add(Int64(limit))
    }
    try statement.each(of: database, bind) { row in
      if let id = row.text(0).flatMap({ RunID($0) }) { found.append(id) }
    }
    return found
  }

  /// How a run went, and whether it is over and buried; nil when there is none of that name.
  public func outcome(of run: RunID) throws(LedgerError) -> (status: Status, disposal: Disposal, isBuried: Bool)? {
    let statement = try Statement(
      database, parameters: 1, "SELECT status, disposal, \(Self.buried) FROM runs WHERE id = ?")
    return try statement.first(of: database, { $0.add(run.description) }) { row in
      guard let status = row.text(0).flatMap({ Status(rawValue: $0) }),
        let disposal = row.text(1).flatMap({ Disposal(rawValue: $0) })
      else { return nil }
      return (status, disposal, row.integer(2) == 1)
    }
  }

  /// Deletes a run with its history, if it is over and buried.
  public func delete(_ run: RunID) throws(LedgerError) -> Deletion {
    let statement = try Statement(database, parameters: 1, "DELETE FROM runs WHERE id = ? AND \(Self.buried)")
    try statement.run(on: database) { $0.add(run.description) }
    if database.changes > 0 { return .deleted }
    return try wouldDelete(run)
  }

  /// What `delete` would say, if it were called now.
  public func wouldDelete(_ run: RunID) throws(LedgerError) -> Deletion {
    guard let found = try outcome(of: run) else { return .notFound }
    return found.isBuried ? .deleted : .notFinished(found.status, found.disposal)
  }

  /// Forgets the hosts that have ended and of whose runs none is left, with the texts of those; how many.
  public func forgetHosts(before moment: Timestamp) throws(LedgerError) -> Int {
    let statement = try Statement(
      database, parameters: 1,
      "DELETE FROM hosts WHERE ended IS NOT NULL AND started < ? AND id NOT IN (SELECT host FROM runs)")
    try statement.run(on: database) { $0.add(moment.milliseconds) }
    return Int(database.changes)
  }
}
