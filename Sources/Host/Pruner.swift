internal import Glibc
internal import Kernel
internal import Ledger
public import Model
public import Plugins

/// Clears up: forgets runs that are over and buried, and removes files. Live or unburied runs are never touched.
///
/// The row goes first and the files after it: whoever is killed between the two leaves files that no row knows, and
/// those are found here as well.
public struct Pruner {
  /// What is to go.
  public struct Rules: Sendable {
    /// How long, and how much, is kept.
    public var retention: Configuration.Retention
    /// The outcomes of runs that may be forgotten, and lose their files.
    public var outcomes: [Status] = Status.terminal

    /// The user's own.
    public init(_ retention: Configuration.Retention) { self.retention = retention }
  }

  /// What went, or would go.
  public struct Outcome: Equatable, Sendable {
    /// Runs that were forgotten.
    public var runs = 0
    /// Runs whose files were removed.
    public var folders = 0
    /// How much room they took.
    public var bytes: Int64 = 0

    /// Nothing.
    public init() {}

    /// Adds what went with another run.
    public mutating func add(_ other: Outcome) {
      runs += other.runs
      folders += other.folders
      bytes += other.bytes
    }
  }

  private let state: StateFolder
  private let isDryRun: Bool
  private let now = Clock.wallMilliseconds()

  /// One for this state folder; a dry run only counts.
  public init(state: StateFolder, isDryRun: Bool = false) {
    self.state = state
    self.isDryRun = isDryRun
  }

  /// Forgets what is old, and removes files that are old or more than may be kept.
  public func prune(_ rules: Rules) throws(HostError) -> Outcome {
    var outcome = Outcome()
    do throws(LedgerError) {
      let archive = try Archive(folder: state.root)
      let forgotten = try forget(rules, archive, &outcome)
      try clearFiles(rules, archive, butFor: forgotten, &outcome)
      if !isDryRun, let age = rules.retention.rows { _ = try archive.forgetHosts(before: moment(age)) }
    } catch {
      throw HostError(.ledgerUnavailable, error.message)
    }
    if !isDryRun {
      clearDirectories()
      state.noteClearing()
    }
    return outcome
  }

  /// Forgets one run and removes its files.
  public func delete(_ run: RunID) throws(HostError) -> Outcome {
    let deletion: Archive.Deletion
    do throws(LedgerError) {
      let archive = try Archive(folder: state.root)
      deletion = isDryRun ? try archive.wouldDelete(run) : try archive.delete(run)
    } catch {
      throw HostError(.ledgerUnavailable, error.message)
    }
    switch deletion {
    case .deleted: break
    case .notFound: throw HostError(.runNotFound, "there is no run \(run)")
    case .notFinished(let status, let disposal):
      throw HostError(
        .notFinished(status, disposal),
        "run \(run) is \(status.rawValue), its processes \(disposal.rawValue): it can be deleted when it is over and buried"
      )
    }
    var outcome = Outcome()
    outcome.runs = 1
    remove(run.description, &outcome)
    return outcome
  }

  private func moment(_ age: TimeSpan) -> Timestamp { Timestamp(milliseconds: now - age.milliseconds) }

  // MARK: - Rows

  /// How many rows are looked at in one go.
  private static let batch = 500

  private func forget(
    _ rules: Rules, _ archive: borrowing Archive, _ outcome: inout Outcome
  ) throws(LedgerError) -> Set<RunID> {
    guard let age = rules.retention.rows else { return [] }
    var forgotten: Set<RunID> = []
    var last: RunID?
    while true {
      let runs = try archive.runs(before: moment(age), outcomes: rules.outcomes, after: last, limit: Self.batch)
      for run in runs {
        if !isDryRun, try archive.delete(run) != .deleted { continue }
        outcome.runs += 1
        forgotten.insert(run)
        remove(run.description, &outcome)
      }
      last = runs.last
      if runs.count < Self.batch { return forgotten }
    }
  }

  // MARK: - Files

  /// Oldest first, as their names are in the order of time: those that are too old, and then those that are too many.
  private func clearFiles(
    _ rules: Rules, _ archive: borrowing Archive, butFor forgotten: Set<RunID>, _ outcome: inout Outcome
  ) throws(LedgerError) {
    // In a dry run those that would be forgotten are still there.
    let names = ((try? state.runs.entries()) ?? []).compactMap { RunID($0) }.filter { !forgotten.contains($0) }.sorted()
    let oldest = rules.retention.files.map { moment($0) }
    var total = rules.retention.bytes == nil ? 0 : names.reduce(0) { $0 + size($1.description) }
    for name in names {
      let isOld = oldest.map { name.milliseconds < $0.milliseconds } ?? false
      let isTooMuch = rules.retention.bytes.map { total > $0 } ?? false
      guard isOld || isTooMuch else {
        // The rest is newer, and there is room for it.
        return
      }
      guard try mayLoseFiles(name, rules, archive, isOld: isOld) else { continue }
      var removed = Outcome()
      remove(name.description, &removed)
      total -= removed.bytes
      outcome.add(removed)
    }
  }

  private func mayLoseFiles(
    _ run: RunID, _ rules: Rules, _ archive: borrowing Archive, isOld: Bool
  ) throws(LedgerError) -> Bool {
    // A folder without a row is what a deletion left that was cut short; a young one may belong to a ledger that was set
    // aside, and may still be wanted.
    guard let row = try archive.outcome(of: run) else { return isOld }
    return row.isBuried && rules.outcomes.contains(row.status)
  }

  private func size(_ name: String) -> Int64 {
    guard let folder = try? state.runs.openDirectory(name), let files = try? folder.entries() else { return 0 }
    return files.reduce(0) { $0 + ((try? folder.status(of: $1)).flatMap { $0 }?.bytes ?? 0) }
  }

  private func remove(_ name: String, _ outcome: inout Outcome) {
    guard let folder = try? state.runs.openDirectory(name) else { return }
    outcome.folders += 1
    outcome.bytes += size(name)
    guard !isDryRun else { return }
    for file in (try? folder.entries()) ?? [] { try? folder.remove(file) }
    try? state.runs.removeDirectory(name)
  }

  /// Removes the locks of directories that nobody holds: they are left when a host dies.
  private func clearDirectories() {
    guard let folder = try? state.directories(), let names = try? folder.entries() else { return }
    for name in names {
      guard let lock = (try? FileLock.tryAcquire(in: folder, name: name)) ?? nil else { continue }
      // What is noted there tells the next one to wait for what may be left of a run: only who is gone may go.
      let holder = (try? lock.noted()).flatMap { $0 }.flatMap { RunID($0) }
      if let holder, isLive(holder) { lock.release() } else { lock.discard(from: folder, name: name) }
    }
  }

  private func isLive(_ run: RunID) -> Bool {
    // What cannot be told is taken for alive.
    do throws(LedgerError) {
      guard let row = try Archive(folder: state.root).outcome(of: run) else { return false }
      return !row.isBuried
    } catch {
      return true
    }
  }
}
