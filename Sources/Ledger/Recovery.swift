public import Kernel
public import Model

/// The rows of hosts that have died, for whoever has taken a dead host's lock and acts in its place.
public struct Recovery: ~Copyable {
  private let store: Store

  /// Opens the ledger of the state folder at `folder`.
  public init(folder: borrowing Directory) throws(LedgerError) {
    try LedgerFile.prepare(in: folder)
    store = try Store(path: "\(folder.path)/\(LedgerFile.name)")
  }

  /// The hosts whose runs may still have something left, but for this one.
  public func hostsWithLiveRuns(butFor own: HostID?) throws(LedgerError) -> [HostRecord] {
    let statement = try Statement(
      store.database, parameters: 1,
      """
      SELECT \(HostColumns.selection) FROM hosts
      WHERE id IN (SELECT DISTINCT host FROM runs WHERE gone IS NULL) AND id IS NOT ?
      """)
    var hosts: [HostRecord] = []
    try statement.each(of: store.database, { $0.add(own?.description) }) { row in
      if let host = HostColumns.read(row.values) { hosts.append(host) }
    }
    return hosts
  }

  /// The runs of a host of which something may still be there.
  public func liveRuns(of host: HostID) throws(LedgerError) -> [RunRecord] {
    let statement = try Statement(
      store.database, parameters: 1, "SELECT \(RunColumns.selection) FROM runs WHERE gone IS NULL AND host = ?")
    var runs: [RunRecord] = []
    try statement.each(of: store.database, { $0.add(host.description) }) { row in
      if let run = RunColumns.read(row.values) { runs.append(run) }
    }
    return runs
  }

  /// Writes what a host could not, in its order; how many of the changes were still missing.
  public func replay(_ entries: [Spill.Entry]) throws(LedgerError) -> Int {
    var count = 0
    var isHostNew = false
    try store.database.transaction { () throws(LedgerError) in
      for entry in entries {
        if case .host(let host) = entry {
          isHostNew = try store.introduce(host)
        } else if try store.replay(entry, restoring: isHostNew) {
          count += 1
        }
      }
    }
    return count
  }

  /// Gives a run its verdict, by the same swap that its host would have used; false when it has one by now.
  public func settle(_ run: RunRecord, from status: Status, evidence: String) throws(LedgerError) -> Bool {
    var isSettled = false
    try store.database.transaction { () throws(LedgerError) in
      isSettled = try store.change(run, from: status, evidence: evidence)
    }
    return isSettled
  }

  /// What an agent had counted of its session before a run that goes on with it; nil when nobody knows.
  public func figures(of session: String?, before run: RunRecord) throws(LedgerError) -> JSONText? {
    try store.figures(of: session, before: run)
  }

  /// Writes what became of its processes.
  public func bury(_ run: RunRecord) throws(LedgerError) { _ = try store.update(run) }

  /// Notes that a host will not come back.
  public func close(_ host: HostID, at moment: Timestamp) throws(LedgerError) { try store.close(host, at: moment) }
}
