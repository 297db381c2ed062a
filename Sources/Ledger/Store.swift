internal import CSQLite
internal import Kernel
internal import Model

/// What the ledger's one writing thread does to the file. All writes of runs are here.
struct Store: ~Copyable {
  private let begin: Statement
  private let commit: Statement
  private let insertRun: Statement
  private let findText: Statement
  private let insertText: Statement
  private let changeRun: Statement
  private let changeFacts: Statement
  private let insertTransition: Statement
  private let findRun: Statement
  let database: Database
  /// Which file it writes to, as far as that could be told.
  private let file: FileIdentity?

  init(path: String) throws(LedgerError) {
    let database = try Database(path: path, mode: .existing)
    try Store.configure(database)
    let columns = RunColumns.row
    let (verdict, facts) = (RunColumns.verdict + RunColumns.facts, RunColumns.facts)
    let places = columns.map { _ in "?" }.joined(separator: ", ")
    let begin = try Statement(database, "BEGIN IMMEDIATE")
    let commit = try Statement(database, "COMMIT")
    let insertRun = try Statement(
      database, parameters: columns.count,
      "INSERT INTO runs (\(columns.joined(separator: ", "))) VALUES (\(places))")
    // Among the newest: a host whose runs have nothing in common is not to look through all that it ever wrote.
    let findText = try Statement(
      database, parameters: 2,
      "SELECT id FROM (SELECT id, text FROM texts WHERE host = ? ORDER BY id DESC LIMIT 16) WHERE text = ?")
    let insertText = try Statement(database, parameters: 2, "INSERT INTO texts (host, text) VALUES (?, ?)")
    let changeRun = try Statement(
      database, parameters: verdict.count + 3,
      "UPDATE runs SET \(Store.assignments(verdict)) WHERE id = ? AND host = ? AND status = ?")
    let changeFacts = try Statement(
      database, parameters: facts.count + 2,
      "UPDATE runs SET \(Store.assignments(facts)) WHERE id = ? AND host = ?")
    let insertTransition = try Statement(
      database, parameters: 7,
      """
      INSERT INTO transitions (run, at, "from", "to", reason, host, evidence) VALUES (?, ?, ?, ?, ?, ?, ?)
      """)
    let findRun = try Statement(database, parameters: 1, "SELECT \(RunColumns.selection) FROM runs WHERE id = ?")
    // Only now: a struct of things that cannot be copied is made whole or not at all.
    self.begin = begin
    self.commit = commit
    self.insertRun = insertRun
    self.findText = findText
    self.insertText = insertText
    self.changeRun = changeRun
    self.changeFacts = changeFacts
    self.insertTransition = insertTransition
    self.findRun = findRun
    self.database = database
    file = (try? FileStatus.at(path))?.identity
  }

  /// Whether what it writes can be found again: somebody may have taken the file away, or put another in its place.
  func checkFile() throws(LedgerError) {
    do {
      guard let file, try FileStatus.at(database.path)?.identity != file else { return }
    } catch {
      // Whatever is in the way, SQLite has the file open.
      return
    }
    throw LedgerError(
      .inputOutput,
      "the ledger \(database.path) was removed or replaced while it was written to; put it back, or end this host: what it has to say is kept aside, and recorded when the next reeve begins"
    )
  }

  /// What every connection that writes needs.
  static func configure(_ database: borrowing Database) throws(LedgerError) {
    // NORMAL: what was committed survives the death of any process; a power cut may cost the last moments,
    // never the file.
    // A page that is changed often is written to the file once for so many pages of the log, 16 MiB.
    try database.execute("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 4096")
  }

  private static func assignments(_ columns: [String]) -> String {
    columns.map { "\($0) = ?" }.joined(separator: ", ")
  }

  // MARK: - Transactions

  func beginTransaction() throws(LedgerError) { try begin.run(on: database) { _ in } }

  func commitTransaction() throws(LedgerError) { try commit.run(on: database) { _ in } }

  // MARK: - Runs

  /// What became of the row of a new run.
  enum Opening {
    /// It is there; what its agent had counted of the session before, if it goes on with one and that is known.
    case opened(figures: JSONText?)
    /// The run that it was to resume cannot be had.
    case notResumable
    /// Its client has named the request before.
    case known(RunRecord)
  }

  /// Writes the row of a run that was just accepted. One that resumes another takes that one for itself first. When
  /// something stands in the way there is no row.
  func open(_ run: RunRecord) throws(LedgerError) -> Opening {
    if let key = run.key, let known = try find(key: key) { return .known(known) }
    guard let resumed = run.resumes else {
      try insert(run, evidence: nil)
      return .opened(figures: try figures(of: run.session, before: run))
    }
    // Both or none, also when the rest of the transaction goes on.
    try database.execute("SAVEPOINT resume")
    do throws(LedgerError) {
      let isTaken = try take(resumed, for: run.id)
      if isTaken { try insert(run, evidence: nil) }
      try database.execute("RELEASE resume")
      return isTaken ? .opened(figures: try figures(of: run.session, before: run)) : .notResumable
    } catch {
      if database.isInTransaction { try? database.execute("ROLLBACK TO resume; RELEASE resume") }
      throw error
    }
  }

  /// What an agent had counted of its session before a run that goes on with it; nil when nobody knows.
  func figures(of session: String?, before run: RunRecord) throws(LedgerError) -> JSONText? {
    guard let session else { return nil }
    let statement = try Statement(
      database, parameters: 3,
      """
      SELECT cumulative FROM runs WHERE plugin = ? AND session = ? AND id < ? AND cumulative IS NOT NULL
      ORDER BY id DESC LIMIT 1
      """)
    return try statement.first(
      of: database,
      { binder in
        binder.add(run.plugin)
        binder.add(session)
        binder.add(run.id.description)
      }, { $0.text(0).map { JSONText(valid: $0) } }) ?? nil
  }

  private func insert(_ run: RunRecord, evidence: String?) throws(LedgerError) {
    let limits = try keep(run.limits, of: run.host)
    let environment = try run.environment.map { (text) throws(LedgerError) in try keep(text, of: run.host) }
    try insertRun.run(on: database) {
      RunColumns.bindRow(run, limits: limits, environment: environment, &$0)
    }
    try note(run, from: nil, evidence: evidence)
  }

  /// The number under which a text of a host is kept.
  private func keep(_ text: JSONText, of host: HostID) throws(LedgerError) -> Int64 {
    func bind(_ binder: inout Statement.Binder) {
      binder.add(host.description)
      binder.add(text.text)
    }
    if let known = try findText.first(of: database, bind, { $0.integer(0) }) { return known }
    try insertText.run(on: database, bind)
    return database.lastRow
  }

  private func take(_ resumed: RunID, for run: RunID) throws(LedgerError) -> Bool {
    let swap = try Statement(
      database, parameters: 2, "UPDATE runs SET resumed_by = ? WHERE id = ? AND \(Schema.resumable("runs"))")
    try swap.run(on: database) { binder in
      binder.add(run.description)
      binder.add(resumed.description)
    }
    return database.changes == 1
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
    try findRun.first(of: database, { $0.add(id.description) }, { RunColumns.read($0.values) })
  }

  /// The run whose request was given this name.
  func find(key: String) throws(LedgerError) -> RunRecord? {
    let statement = try Statement(database, parameters: 1, "SELECT \(RunColumns.selection) FROM runs WHERE key = ?")
    return try statement.first(of: database, { $0.add(key) }, { RunColumns.read($0.values) })
  }

  /// The runs that were started inside this one and are not over.
  func children(of run: RunID) throws(LedgerError) -> [RunRecord] {
    // Only among those that live, for which there is an index.
    let statement = try Statement(
      database, parameters: 1,
      """
      SELECT \(RunColumns.selection) FROM runs
      WHERE gone IS NULL AND parent = ? AND status NOT IN (\(Schema.terminal))
      """)
    var children: [RunRecord] = []
    try statement.each(of: database, { $0.add(run.description) }) { row in
      if let child = RunColumns.read(row.values) { children.append(child) }
    }
    return children
  }

  /// Whether other hosts have runs of which something may still be there.
  func othersHaveRuns(butFor own: HostID) throws(LedgerError) -> Bool {
    let statement = try Statement(
      database, parameters: 1, "SELECT EXISTS (SELECT 1 FROM runs WHERE gone IS NULL AND host <> ?)")
    return try statement.first(of: database, { $0.add(own.description) }) { $0.integer(0) } == 1
  }

  private func note(_ run: RunRecord, from status: Status?, evidence: String?) throws(LedgerError) {
    let moment: Timestamp? =
      switch run.status {
      case .queued: run.created
      // Nobody else keeps when a run that had to wait was let in.
      case .starting: status == nil ? run.created : Timestamp(milliseconds: Clock.wallMilliseconds())
      case .running: run.started
      case .succeeded, .failed, .cancelled, .timedOut, .outOfMemory, .lost: run.settled
      }
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

  // MARK: - What was kept aside

  /// Writes what a host could not write when it happened; false when it is there already, or comes too late.
  ///
  /// A ledger that was begun anew knows neither the host nor its runs: then a run's story is told from its beginning. One
  /// that knows the host has deleted what it does not know.
  func replay(_ entry: Spill.Entry, restoring: Bool) throws(LedgerError) -> Bool {
    switch entry {
    case .host: return false
    case .change(let run, let status, let evidence):
      if restoring, try find(run.id) == nil { try restore(run, as: status) }
      return try change(run, from: status, evidence: evidence)
    case .facts(let run):
      // What is buried stays buried: this may be from before.
      if run.gone == nil, try find(run.id)?.gone != nil { return false }
      return try update(run)
    }
  }

  /// Writes the row of a host that the ledger does not know; false when it does.
  func introduce(_ host: HostRecord) throws(LedgerError) -> Bool {
    let statement = try Statement(database, parameters: 1, "SELECT EXISTS (SELECT 1 FROM hosts WHERE id = ?)")
    let isKnown = try statement.first(of: database, { $0.add(host.id.description) }) { $0.integer(0) } == 1
    if !isKnown { try open(host) }
    return !isKnown
  }

  private func restore(_ run: RunRecord, as status: Status) throws(LedgerError) {
    var beginning = run
    beginning.status = status == .queued ? .queued : .starting
    (beginning.reason, beginning.settled, beginning.gone) = (nil, nil, nil)
    (beginning.output, beginning.text, beginning.error) = (nil, nil, nil)
    // Meanwhile the name may have been given again.
    if let key = run.key, try find(key: key) != nil { (beginning.key, beginning.request) = (nil, nil) }
    let evidence = #"{"restored":true}"#
    try insert(beginning, evidence: evidence)
    guard status == .running else { return }
    var running = beginning
    running.status = .running
    _ = try change(running, from: .starting, evidence: evidence)
  }

  // MARK: - Hosts

  /// Writes the row of a host, after it has taken its lock.
  func open(_ host: HostRecord) throws(LedgerError) {
    let statement = try Statement(
      database, parameters: HostColumns.written.count,
      """
      INSERT INTO hosts (\(HostColumns.written.joined(separator: ", ")))
      VALUES (\(HostColumns.written.map { _ in "?" }.joined(separator: ", ")))
      """)
    try statement.run(on: database) { HostColumns.bind(host, &$0) }
  }

  /// Notes that a host lives, for whoever wonders after its death.
  func beat(_ host: HostID, at moment: Timestamp, memory: Int64) throws(LedgerError) {
    let statement = try Statement(
      database, parameters: 3, "UPDATE hosts SET heartbeat = ?, memory = ? WHERE id = ?")
    try statement.run(on: database) { binder in
      binder.add(moment.milliseconds)
      binder.add(memory)
      binder.add(host.description)
    }
  }

  /// Notes that a host ended in good order.
  func close(_ host: HostID, at moment: Timestamp) throws(LedgerError) {
    let statement = try Statement(database, parameters: 2, "UPDATE hosts SET ended = ? WHERE id = ?")
    try statement.run(on: database) { binder in
      binder.add(moment.milliseconds)
      binder.add(host.description)
    }
  }
}
