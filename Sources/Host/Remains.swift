internal import Glibc
internal import Kernel
internal import Model
internal import Plugins

/// What is left of the runs of a dead host: found by evidence that no stranger has, and killed.
///
/// The evidence is the control group that bears the run's name, the leader's pid together with when it began, and the
/// run's mark in the environment of a process. Without groups, who has shed the mark and its parents is not found.
struct Remains {
  private let runs: [RunRecord]
  private let host: HostRecord
  private let isKillable: Bool
  /// How long processes may take to die.
  private static let patience = TimeSpan.seconds(2)
  private static let pauseMicroseconds: UInt32 = 5000

  init(of runs: [RunRecord], host: HostRecord, isKillable: Bool) {
    self.runs = runs
    self.host = host
    self.isKillable = isKillable
  }

  /// Ends them all and removes their groups; says who would not die.
  func end() -> [RunID: [ProcessStat]] {
    guard isKillable else { return [:] }
    let deadline = Clock.now() + Self.patience
    while true {
      let found = find()
      if found.isEmpty {
        removeGroups()
        return [:]
      }
      if Clock.now() >= deadline { return found }
      for run in runs { for path in groups(of: run) { Self.kill(group: path) } }
      let processes = found.values.flatMap { $0 }
      // All are stopped before any is killed: what forks faster than it dies is not caught otherwise.
      for process in processes { ProcessTable.signal(SIGSTOP, process) }
      for process in find().values.flatMap({ $0 }) { ProcessTable.signal(SIGKILL, process) }
      usleep(Self.pauseMicroseconds)
    }
  }

  private func find() -> [RunID: [ProcessStat]] {
    var found: [RunID: [ProcessStat]] = [:]
    let own = getpid()
    for run in runs {
      var pids = Set(groups(of: run).flatMap { (try? ControlGroup.open($0))?.members() ?? [] })
      if let pid = run.pid, let leader = try? ProcessTable.stat(pid), Int64(leader.startTicks) == run.startTicks {
        pids.insert(pid)
      }
      let tree = ProcessTable.tree(from: Array(pids)).filter { $0.isAlive && $0.pid != own }
      if !tree.isEmpty { found[run.id] = tree }
    }
    for (run, process) in marked() where !(found[run] ?? []).contains(where: { $0.pid == process.pid }) {
      found[run, default: []].append(process)
    }
    return found
  }

  /// The processes that carry the mark of one of the runs.
  private func marked() -> [(RunID, ProcessStat)] {
    var marked: [(RunID, ProcessStat)] = []
    let wanted = Set(runs.map(\.id))
    try? ProcessTable.forEach { process in
      guard process.isAlive, process.pid != getpid(), Int64(process.startTicks) >= host.startTicks,
        // The innermost: what is inside a run of another host is that one's to end.
        let run = RunMark.runs(in: ProcessTable.variable(RunMark.variable, of: process.pid)).last, wanted.contains(run)
      else { return }
      marked.append((run, process))
    }
    return marked
  }

  // MARK: - Control groups

  /// The directories of a run, as far as their names prove that they are its own.
  private func groups(of run: RunRecord) -> [String] {
    (run.controlGroups ?? "").split(separator: "\n").map(String.init)
      .filter { $0.hasSuffix("/\(HostGroups.name(of: host.id))/\(run.id)") }
  }

  private static func kill(group path: String) {
    guard let group = try? ControlGroup.open(path) else { return }
    try? group.write("cgroup.kill", "1")
  }

  /// How often it is tried: a group is busy for a moment after the last of its processes was reaped.
  private static let removals = 20

  /// Removes the groups of the host with all that is below them: what is in them is nobody's any more, whatever row it
  /// had.
  private func removeGroups() {
    let name = HostGroups.name(of: host.id)
    for path in host.controlGroups where path.hasSuffix("/\(name)") {
      guard let place = try? ControlGroup.open(String(path.dropLast(name.utf8.count + 1))) else { continue }
      for _ in 0..<Self.removals {
        Self.kill(group: path)
        if (try? place.remove(name)) != nil, (try? place.remove("\(name)-host")) != nil { break }
        usleep(Self.pauseMicroseconds)
      }
    }
  }
}
