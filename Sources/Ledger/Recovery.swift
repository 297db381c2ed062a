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
      store.database,
      """
      SELECT id, pid, start_ticks, boot, version, started, lock_device, lock_inode, sockets FROM hosts
      WHERE id IN (SELECT DISTINCT host FROM runs WHERE gone IS NULL) AND id IS NOT ?
      """)
    var hosts: [HostRecord] = []
    try statement.each(of: store.database, { $0.add(own?.description) }) { row in
      guard let id = row.text(0).flatMap({ HostID($0) }) else { return }
      hosts.append(
        HostRecord(
          id: id, pid: Int32(truncatingIfNeeded: row.integer(1) ?? 0), startTicks: row.integer(2) ?? 0,
          boot: row.text(3) ?? "", version: row.text(4) ?? "",
          started: Timestamp(milliseconds: row.integer(5) ?? 0),
          lock: (UInt64(bitPattern: row.integer(6) ?? 0), UInt64(bitPattern: row.integer(7) ?? 0)),
          sockets: row.text(8) ?? ""))
    }
    return hosts
  }

  /// The runs of a host of which something may still be there.
  public func liveRuns(of host: HostID) throws(LedgerError) -> [RunRecord] {
    let statement = try Statement(
      store.database, "SELECT \(RunColumns.selection) FROM runs WHERE gone IS NULL AND host = ?")
    var runs: [RunRecord] = []
    try statement.each(of: store.database, { $0.add(host.description) }) { row in
      if let run = RunColumns.read(row) { runs.append(run) }
    }
    return runs
  }

  /// Gives a run its verdict, by the same swap that its host would have used; false when it has one by now.
  public func settle(_ run: RunRecord, from status: Status, evidence: String) throws(LedgerError) -> Bool {
    var isSettled = false
    try store.database.transaction { () throws(LedgerError) in
      isSettled = try store.change(run, from: status, evidence: evidence)
    }
    return isSettled
  }

  /// Writes what became of its processes.
  public func bury(_ run: RunRecord) throws(LedgerError) { _ = try store.update(run) }

  /// Notes that a host will not come back.
  public func close(_ host: HostID, at moment: Timestamp) throws(LedgerError) { try store.close(host, at: moment) }
}
