internal import Glibc
internal import Kernel
internal import Ledger
public import Model
internal import Wire

/// Settles the runs of hosts that have died, and ends what is left of them.
///
/// The right to do so is the dead host's lock: whoever holds it is the only one, and the host cannot come back. The
/// verdict comes first, the burial after it, as everywhere: what will not die holds nobody's verdict up.
public struct Recoverer {
  private let state: StateFolder
  private let log: (String) -> Void

  /// One for this state folder.
  public init(state: StateFolder, log: @escaping (String) -> Void) {
    self.state = state
    self.log = log
  }

  /// Settles what the host of this name left open, or what any dead host did; a live one is never touched.
  public func recover(_ only: HostID? = nil, butFor own: HostID? = nil) throws(HostError) {
    do throws(LedgerError) {
      guard try LedgerReader.open(in: state.root) != nil else { return }
      let recovery = try Recovery(folder: state.root)
      for host in try recovery.hostsWithLiveRuns(butFor: own) where only == nil || host.id == only {
        try recover(host, recovery)
      }
      if let only { removeGroups(of: only) }
    } catch {
      throw HostError(.ledgerUnavailable, error.message)
    }
  }

  private func recover(_ host: HostRecord, _ recovery: borrowing Recovery) throws(LedgerError) {
    guard let lock = takeLock(of: host) else { return }
    let isCopied = (lock.identity.device, lock.identity.inode) != host.lock
    var open: [RunRecord] = []
    for run in try recovery.liveRuns(of: host.id) {
      var run = run
      if !run.status.isTerminal {
        let status = run.status
        run.status = .lost
        run.reason = "host_died"
        run.settled = Timestamp(milliseconds: Clock.wallMilliseconds())
        run.error = "its host died before it was done"
        run.disposal = run.pid == nil ? .none : .killing
        guard try recovery.settle(run, from: status, evidence: evidence(host, isCopied: isCopied)) else { continue }
        log("run \(run.id) is lost: its host \(host.id) died")
      }
      open.append(run)
    }
    let isSameBoot = host.boot == (try? Boot.identifier())
    // After another boot, or in a copy, no process can be theirs.
    let remains = Remains(of: open, isKillable: isSameBoot && !isCopied)
    let survivors = remains.end()
    for var run in open {
      let left = survivors[run.id] ?? []
      run.disposal = left.isEmpty ? (run.pid == nil ? .none : .gone) : .stuck
      run.gone = left.isEmpty ? Timestamp(milliseconds: Clock.wallMilliseconds()) : nil
      if !left.isEmpty { run.leftovers = RunJSON.processes(left) }
      try recovery.bury(run)
    }
    if survivors.isEmpty { clear(host) }
    try recovery.close(host.id, at: Timestamp(milliseconds: Clock.wallMilliseconds()))
    lock.release()
  }

  /// The lock of a dead host; nil when it lives, or somebody else is about to settle its runs.
  private func takeLock(of host: HostRecord) -> FileLock? {
    // A lock is never made for a host that lives: its own file may have been removed under it.
    if (try? FileLock.probe(in: state.hosts, name: "\(host.id).lock")) == .missing, Self.isAlive(host) { return nil }
    return (try? FileLock.tryAcquire(in: state.hosts, name: "\(host.id).lock")) ?? nil
  }

  private static func isAlive(_ host: HostRecord) -> Bool {
    guard host.boot == (try? Boot.identifier()), let process = try? ProcessTable.stat(host.pid) else { return false }
    return process.isAlive && Int64(process.startTicks) == host.startTicks
  }

  private func evidence(_ host: HostRecord, isCopied: Bool) -> String {
    let object: JSON = [
      "host": .string(host.id.description), "pid": .integer(Int64(host.pid)), "lock": isCopied ? "copied" : "free",
      "boot": host.boot == (try? Boot.identifier()) ? "same" : "another",
    ]
    return object.text
  }

  /// Removes the groups of a host that had no runs, and so left no word of where they are: they are where we stand.
  private func removeGroups(of host: HostID) {
    guard (try? FileLock.probe(in: state.hosts, name: "\(host).lock")).map({ Self.isFree($0) }) ?? false else { return }
    let places = CgroupPlaces.current()
    for place in [places.unified, places.memory, places.pids] {
      guard let place, let group = try? ControlGroup.open(place) else { continue }
      try? group.remove(HostGroups.name(of: host))
    }
  }

  private static func isFree(_ probe: FileLock.Probe) -> Bool {
    switch probe {
    case .missing, .free: true
    case .held: false
    }
  }

  /// Removes what a dead host left in the state folder; its lock last, since it is what says that it is dead.
  private func clear(_ host: HostRecord) {
    for suffix in ["reserve", "sock", "lock"] { try? state.hosts.remove("\(host.id).\(suffix)") }
  }
}
