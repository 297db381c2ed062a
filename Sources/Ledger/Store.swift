internal import CSQLite
internal import Model

/// What the ledger's one writing thread does to the file. All writes of runs are here.
struct Store: ~Copyable {
  private let begin: Statement
  private let commit: Statement
  private let insertRun: Statement
  private let changeRun: Statement
  private let changeFacts: Statement
  private let insertTransition: Statement
  private let findRun: Statement
  let database: Database

  init(path: String) throws(LedgerError) {
    let database = try Database(path: path, mode: .existing)
    try Store.configure(database)
    let columns = RunColumns.fixed + RunColumns.verdict + RunColumns.facts
    let places = columns.map { _ in "?" }.joined(separator: ", ")
    let begin = try Statement(database, "BEGIN IMMEDIATE")
    let commit = try Statement(database, "COMMIT")
    let insertRun = try Statement(database, "INSERT INTO runs (\(RunColumns.selection)) VALUES (\(places))")
    let changeRun = try Statement(
      database,
      """
      UPDATE runs SET \(Store.assignments(RunColumns.verdict + RunColumns.facts))
      WHERE id = ? AND host = ? AND status = ?
      """)
    let changeFacts = try Statement(
      database, "UPDATE runs SET \(Store.assignments(RunColumns.facts)) WHERE id = ? AND host = ?")
    let insertTransition = try Statement(
      database,
      """
      INSERT INTO transitions (run, at, "from", "to", reason, host, evidence) VALUES (?, ?, ?, ?, ?, ?, ?)
      """)
    let findRun = try Statement(database, "SELECT \(RunColumns.selection) FROM runs WHERE id = ?")
    // Only now: a struct of things that cannot be copied is made whole or not at all.
    self.begin = begin
    self.commit = commit
    self.insertRun = insertRun
    self.changeRun = changeRun
    self.changeFacts = changeFacts
    self.insertTransition = insertTransition
    self.findRun = findRun
    self.database = database
  }

  /// What every connection that writes needs.
  static func configure(_ database: borrowing Database) throws(LedgerError) {
    // NORMAL: what was committed survives the death of any process; a power cut may cost the last moments,
    // never the file.
    try database.execute("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON")
  }

  private static func assignments(_ columns: [String]) -> String {
    columns.map { "\($0) = ?" }.joined(separator: ", ")
  }

  // MARK: - Transactions

  func beginTransaction() throws(LedgerError) { try begin.run(on: database) { _ in } }

  func commitTransaction() throws(LedgerError) { try commit.run(on: database) { _ in } }

  // MARK: - Runs

  /// Writes the row of a run that was just accepted.
  func open(_ run: RunRecord) throws(LedgerError) {
    try insertRun.run(on: database) { binder in
      RunColumns.bindFixed(run, &binder)
      RunColumns.bindVerdict(run, &binder)
      RunColumns.bindFacts(run, &binder)
    }
    try note(run, from: nil, evidence: nil)
  }

  /// The one function that changes a status: it swaps the one its owner knows for the next, or changes nothing.
  func change(_ run: RunRecord, from status: Status, evidence: String?) throws(LedgerError) -> Bool {
    try changeRun.run(on: database) { binder in
      RunColumns.bindVerdict(run, &binder)
      RunColumns.bindFacts(run, &binder)
      binder.add(run.id.description)
      binder.add(run.host.description)
      binder.add(status.rawValue)
    }
    guard database.changes == 1 else { return false }
    try note(run, from: status, evidence: evidence)
    return true
  }

  /// Writes the facts about its process, which may still change after the verdict.
  func update(_ run: RunRecord) throws(LedgerError) -> Bool {
    try changeFacts.run(on: database) { binder in
      RunColumns.bindFacts(run, &binder)
      binder.add(run.id.description)
      binder.add(run.host.description)
    }
    return database.changes == 1
  }

  func find(_ id: RunID) throws(LedgerError) -> RunRecord? {
    try findRun.first(of: database, { $0.add(id.description) }, { RunColumns.read($0) })
  }

  /// Whether other hosts have runs of which something may still be there.
  func othersHaveRuns(butFor own: HostID) throws(LedgerError) -> Bool {
    let statement = try Statement(
      database, "SELECT EXISTS (SELECT 1 FROM runs WHERE gone IS NULL AND host <> ?)")
    return try statement.first(of: database, { $0.add(own.description) }) { $0.integer(0) } == 1
  }

  private func note(_ run: RunRecord, from status: Status?, evidence: String?) throws(LedgerError) {
    let moment = run.status.isTerminal ? run.settled : run.status == .running ? run.started : nil
    try insertTransition.run(on: database) { binder in
      binder.add(run.id.description)
      binder.add((moment ?? run.created).milliseconds)
      binder.add(status?.rawValue)
      binder.add(run.status.rawValue)
      binder.add(run.reason)
      binder.add(run.host.description)
      binder.add(evidence)
    }
  }

  // MARK: - Hosts

  /// Writes the row of a host, after it has taken its lock.
  func open(_ host: HostRecord) throws(LedgerError) {
    let statement = try Statement(
      database,
      """
      INSERT INTO hosts (id, pid, start_ticks, boot, version, started, lock_device, lock_inode, sockets)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      """)
    try statement.run(on: database) { binder in
      binder.add(host.id.description)
      binder.add(Int64(host.pid))
      binder.add(host.startTicks)
      binder.add(host.boot)
      binder.add(host.version)
      binder.add(host.started.milliseconds)
      binder.add(Int64(bitPattern: host.lock.device))
      binder.add(Int64(bitPattern: host.lock.inode))
      binder.add(host.sockets)
    }
  }

  /// Notes that a host ended in good order.
  func close(_ host: HostID, at moment: Timestamp) throws(LedgerError) {
    let statement = try Statement(database, "UPDATE hosts SET ended = ? WHERE id = ?")
    try statement.run(on: database) { binder in
      binder.add(moment.milliseconds)
      binder.add(host.description)
    }
  }
}
