internal import Glibc
internal import Kernel
internal import Loop
internal import Model
internal import Plugins
internal import Supervision
internal import Wire

/// The processes of a run: what is in its control group, what descends from its leader, and what of its orphans came to
/// the host.
///
/// The leader stays unreaped until they are all gone: as long as its zombie is there, the kernel gives its number, and
/// so the name of its session, to nobody else.
extension Run {
  /// What this run answers for, from the order to launch its program on.
  ///
  /// A quick program may have started others and ended before the host hears who it was: until then nothing is known of
  /// it, and so any orphan may be its.
  var household: Kinship.Household? {
    guard machine.state != .queued, machine.state != .gone else { return nil }
    return Kinship.Household(run: record.id, leader: record.pid, since: UInt64(record.startTicks ?? 0))
  }

  /// Whether nobody is left, when the leader has exited.
  ///
  /// Whoever has lost its parent is the host's child by now, and whoever has not lives below one who has: so with an
  /// empty group and no orphan there is nobody.
  var isTreeEmpty: Bool {
    if groups?.isPopulated == true { return false }
    return host.orphans.hasNone(of: record.id) { host.households }
  }

  /// Where a walk through the tree begins.
  var roots: [Int32] {
    (!hasLeaderExited ? record.pid.map { [$0] } ?? [] : []) + host.orphans.roots(of: record.id) { host.households }
  }

  /// Those that live, but for the leader.
  func others() -> [ProcessStat] {
    var found = ProcessTable.tree(from: roots, atMost: Self.mostFollowed)
    let known = Set(found.map(\.pid))
    if groups?.isPopulated != false {
      found += (groups?.members() ?? []).filter { !known.contains($0) }.compactMap { try? ProcessTable.stat($0) }
    }
    return found.filter { $0.isAlive && $0.pid != record.pid }
  }

  /// One look follows no more than this; the next one follows the rest.
  private static let mostFollowed = 8192

  // MARK: - Signals

  func stopTree() {
    pass(.stop)
    if !hasLeaderExited {
      // While the leader lives, to end its tree is its business; and a stopped process hears only SIGKILL.
      signalGroup(preparation.manifest.stop)
      signalGroup(SIGCONT)
    } else {
      for process in others() {
        ProcessTable.signal(preparation.manifest.stop, process)
        ProcessTable.signal(SIGCONT, process)
      }
    }
  }

  func killTree() {
    pass(.kill)
    // One call reaches the whole process group at one moment, before any of it can act on the end of another.
    signalGroup(SIGKILL)
    let isGroupKilled = groups?.kill() ?? false
    // What left the group, if there is one, is few; a whole tree must be held still first.
    if !isGroupKilled { holdStill() }
    for process in others() { ProcessTable.signal(SIGKILL, process) }
    lookForLeftovers()
  }

  /// Stops all of the tree, until a walk finds nobody new or there is no time left.
  ///
  /// To kill alone does not catch up with what forks faster than it dies.
  private func holdStill() {
    var stopped: Set<Int32> = []
    let deadline = Clock.now() + Self.chase
    repeat {
      let fresh = others().filter { !stopped.contains($0.pid) }
      if fresh.isEmpty { return }
      for process in fresh {
        guard Clock.now() < deadline else { return }
        ProcessTable.signal(SIGSTOP, process)
        stopped.insert(process.pid)
      }
    } while Clock.now() < deadline
  }

  /// How long one blow may hold the loop up; the next comes soon.
  private static let chase = TimeSpan.milliseconds(20)

  private func signalGroup(_ number: Int32) {
    if let pid = record.pid { _ = try? process?.owner.signalGroup(ofUnreapedLeader: pid, number) }
  }

  // MARK: - For people

  /// Notes who is still there, by name and pid.
  func noteLeftovers() {
    var living = others()
    if !hasLeaderExited, let pid = record.pid, let leader = try? ProcessTable.stat(pid), leader.isAlive {
      living.insert(leader, at: 0)
    }
    guard !living.isEmpty || record.leftovers == nil else { return }
    record.leftovers = RunJSON.processes(living)
  }
}
