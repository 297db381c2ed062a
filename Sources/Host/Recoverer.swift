internal import Glibc
internal import Kernel
internal import Ledger
public import Model
internal import Plugins
internal import Wire

/// Settles the runs of hosts that have died, and ends what is left of them: the one function that does so, at a start,
/// once a minute, before a listing, and in the place of a host whose guardian is left.
///
/// Of each dead host: its lock is taken · what it kept aside is written · each open run is judged by what its agent had
/// said, or is lost, by the same swap that its host would have used · what is left of those runs is killed · what became
/// of it is written. The verdict comes first, the burial after it, as everywhere: what will not die holds nobody's
/// verdict up.
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
    do {
      if let reader = try LedgerReader.open(in: state.root) {
        if let notice = reader.notice { log(notice) }
      } else if HostFiles.hosts(in: state.hosts).isEmpty {
        return
      }
      // Without a ledger, what hosts have kept aside begins one.
      let recovery = try Recovery(folder: state.root)
      var failure: (any Error)?
      for host in try candidates(recovery, butFor: own) where only == nil || host.id == only {
        // What is wrong with one is no reason to leave the others.
        do { try recover(host, recovery) } catch { failure = failure ?? error }
      }
      if let failure { throw failure }
    } catch let error as LedgerError {
      throw HostError(.ledgerUnavailable, error.message)
    } catch {
      throw HostError(.system, "\(error)")
    }
  }

  /// The hosts that may have left something: those of live rows, and those that have files.
  private func candidates(
    _ recovery: borrowing Recovery, butFor own: HostID?
  ) throws(LedgerError) -> [HostRecord] {
    var hosts = try recovery.hostsWithLiveRuns(butFor: own)
    for name in HostFiles.hosts(in: state.hosts) where name != own && !hosts.contains(where: { $0.id == name }) {
      do throws(SystemError) {
        if case .host(let host)? = try Spill.read(in: state.hosts, host: name).first {
          hosts.append(host)
        } else {
          removeUnborn(name)
        }
      } catch {
        // What it holds may be the only word of a verdict.
        log("what the host \(name) kept aside cannot be read, and stays: \(error)")
      }
    }
    return hosts
  }

  /// A host that died before it had a row, and so never had a run, leaves nothing but its first files.
  private func removeUnborn(_ host: HostID) {
    guard let lock = (try? FileLock.tryAcquire(in: state.hosts, name: "\(host).lock")) ?? nil else { return }
    HostFiles.remove(of: host, from: state.hosts)
    lock.release()
  }

  private func recover(_ host: HostRecord, _ recovery: borrowing Recovery) throws {
    guard let death = Death.of(host, in: state) else { return }
    try FaultPoint.takeover.pass()
    let restored = try recovery.replay(try Spill.read(in: state.hosts, host: host.id))
    try FaultPoint.replayed.pass()
    if restored > 0 { log("\(restored) changes that the host \(host.id) had kept aside are recorded") }

    var open: [RunRecord] = []
    for run in try recovery.liveRuns(of: host.id) {
      var run = run
      // Who has shed the mark and the parents is found by a control group alone.
      if run.pid != nil, run.containment != .cgroup2 { run.flags.insert(.containmentWeak) }
      if !run.status.isTerminal {
        try FaultPoint.judge.pass()
        guard try judge(&run, of: host, death, recovery) else { continue }
      }
      open.append(run)
    }
    try FaultPoint.judged.pass()
    let remains = Remains(of: open, host: host, isKillable: death.mayHaveLeft)
    let survivors = remains.end()
    try FaultPoint.buried.pass()
    for var run in open {
      let left = survivors[run.id] ?? []
      run.disposal = left.isEmpty ? (run.pid == nil ? .none : .gone) : .stuck
      run.gone = left.isEmpty ? now : nil
      if !left.isEmpty { run.leftovers = RunJSON.processes(left) }
      try recovery.bury(run)
    }
    try recovery.close(host.id, at: now)
    if survivors.isEmpty {
      if !death.isCopied { try? Directory.open(host.sockets).remove(HostSocket.name(of: host.id)) }
      HostFiles.remove(of: host.id, from: state.hosts)
    }
    death.release()
  }

  /// Gives a run the verdict that its host would have given, had it lived; false when it has one by now.
  private func judge(
    _ run: inout RunRecord, of host: HostRecord, _ death: borrowing Death, _ recovery: borrowing Recovery
  ) throws(LedgerError) -> Bool {
    let status = run.status
    let replay = Replay(of: run, figures: try recovery.figures(of: run.sessionBefore, before: run), in: state)
    replay.tell(&run)
    // What was to be hidden its host knew. A guardian has the environment of the same caller; others have at least that of
    // the same user.
    run.error = run.error.map { SecretMask(environment: ProcessEnvironment.current()).masked($0) }
    run.settled = now
    run.disposal = run.pid == nil ? .none : .killing
    var evidence = death.evidence(host)
    evidence["final_word"] = replay.evidence
    evidence["settled_by_pid"] = .integer(Int64(getpid()))
    guard try recovery.settle(run, from: status, evidence: JSON.object(evidence).text) else { return false }
    let how = run.status == .lost ? "is lost" : "is \(run.status.rawValue) by its agent's final word"
    log("run \(run.id) \(how): its host \(host.id) died")
    return true
  }

  private var now: Timestamp { Timestamp(milliseconds: Clock.wallMilliseconds()) }
}

/// The files that a host has beside its socket, by their names in the folder of hosts.
enum HostFiles {
  private static let suffixes = ["reserve", "spill", "sock", "lock"]

  /// The hosts that have files, alive or not.
  static func hosts(in folder: borrowing Directory) -> Set<HostID> {
    Set(((try? folder.entries()) ?? []).compactMap { HostID($0.prefix { $0 != "." }) })
  }

  /// Removes what a dead host left; its lock last, since it is what says that it is dead.
  static func remove(of host: HostID, from folder: borrowing Directory) {
    for suffix in suffixes { try? folder.remove("\(host).\(suffix)") }
  }
}
