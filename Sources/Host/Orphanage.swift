internal import Glibc
internal import Kernel
internal import Loop
internal import Model
internal import Supervision

/// The processes that lost their parent and became the host's children, and whose they are.
///
/// The kernel does not say when one arrives. Whoever wants to know asks, and only the children of the main thread are
/// looked at: most of the time there are none.
@LoopActor final class Orphanage {
  private struct Entry {
    var started: UInt64
    var origin: Kinship.Origin
    var isAsked = false
  }

  private let surveyor: Surveyor
  /// The name of the host's own control group, in which those of its runs are.
  private let group: String
  /// The marks that the host itself was started with: no run of its own has one of them.
  private let outerRuns: Set<RunID>
  /// What was found out of each orphan that is still here.
  private var entries: [Int32: Entry] = [:]
  /// Where the latest survey of each run saw which process.
  private var seen: [RunID: [Int32: UInt64]] = [:]

  init(surveyor: Surveyor, group: String, outerRuns: [RunID]) {
    self.surveyor = surveyor
    self.group = group
    self.outerRuns = Set(outerRuns)
  }

  /// Whether there is none at all. Where that cannot be told there may be some.
  var isEmpty: Bool {
    wasEmpty = (try? ProcessTable.adoptedChildren())?.isEmpty ?? false
    return wasEmpty
  }

  /// Whether the latest look found none at all.
  private(set) var wasEmpty = false

  /// How often it is looked again because somebody ended between being listed and being looked at.
  private static let mostLooks = 64

  /// Those that live. The others are reaped, each by its pid: the leaders of runs are reaped by their runs alone.
  ///
  /// Who forks and ends while this looks is listed, but not what it leaves behind, which came too late for the list. So
  /// a list of which somebody has ended says nothing of who else is there: that one is reaped, and the next list shows
  /// its heir. Throws when nobody can tell: /proc cannot be read, or they go faster than one can look.
  private func living() throws(SystemError) -> [ProcessStat] {
    for _ in 0..<Self.mostLooks {
      let listed = try ProcessTable.adoptedChildren()
      var living: [ProcessStat] = []
      for pid in listed {
        guard let process = try ProcessTable.stat(pid) else { continue }
        if process.isAlive || !ProcessTable.reapIfEnded(pid) { living.append(process) }
      }
      if living.count == listed.count { return living }
    }
    throw SystemError(call: "readdir", code: EAGAIN, detail: "the children of this process change too fast")
  }

  /// All of them that live, each with whose it is.
  func claims(
    _ households: () -> [Kinship.Household]
  ) throws(SystemError) -> [(process: ProcessStat, claim: Kinship.Claim)] {
    let orphans = try living()
    if orphans.isEmpty && entries.isEmpty { return [] }
    let households = households()
    let current = Set(orphans.map(\.pid))
    entries = entries.filter { current.contains($0.key) }
    return orphans.map { orphan in
      let claim = Kinship.claim(
        session: orphan.session, started: orphan.startTicks, origin: origin(of: orphan), households: households)
      if case .pending = claim { explore(orphan) }
      return (orphan, claim)
    }
  }

  /// Those that are this run's to see to.
  func roots(of run: RunID, _ households: () -> [Kinship.Household]) -> [Int32] {
    ((try? claims(households)) ?? []).compactMap { orphan in
      switch orphan.claim {
      case .one(run), .shared([run]): orphan.process.pid
      case .one, .shared, .pending, .nobody: nil
      }
    }
  }

  /// Whether it is certain that none is this run's, nor may turn out to be.
  func hasNone(of run: RunID, _ households: () -> [Kinship.Household]) -> Bool {
    if isEmpty { return true }
    guard let claims = try? claims(households) else { return false }
    return claims.allSatisfy { orphan in
      switch orphan.claim {
      case .one(let owner): owner != run
      case .shared(let owners): owners != [run]
      case .pending(let owners): !owners.contains(run)
      case .nobody: true
      }
    }
  }

  /// Whether several runs may have to answer for one of them.
  func hasShared(with run: RunID, _ households: () -> [Kinship.Household]) -> Bool {
    if isEmpty { return false }
    return ((try? claims(households)) ?? []).contains { orphan in
      if case .shared(let owners) = orphan.claim { owners.contains(run) } else { false }
    }
  }

  // MARK: - What is found out

  /// Remembers where the members of a run were, for when they lose their parent.
  func note(_ survey: Survey, of run: RunID) {
    seen[run] = Dictionary(survey.members.map { ($0.pid, $0.started) }, uniquingKeysWith: { $1 })
  }

  /// A run has no processes any more.
  func forget(_ run: RunID) { seen[run] = nil }

  /// Somebody has looked at its environment.
  func explored(_ member: Survey.Member, marks: [RunID], households: [Kinship.Household]) {
    guard entries[member.pid]?.started == member.started else { return }
    let ours = marks.filter { !outerRuns.contains($0) }
    let run = ours.first { mark in households.contains { $0.run == mark } } ?? ours.last
    entries[member.pid]?.origin = run.map { .run($0) } ?? .unmarked
  }

  private func origin(of orphan: ProcessStat) -> Kinship.Origin {
    if let entry = entries[orphan.pid], entry.started == orphan.startTicks { return entry.origin }
    let run = seen.first { $0.value[orphan.pid] == orphan.startTicks }?.key ?? runByGroup(orphan.pid)
    let origin = run.map { Kinship.Origin.run($0) } ?? .unexplored
    entries[orphan.pid] = Entry(started: orphan.startTicks, origin: origin)
    return origin
  }

  /// The run in whose control group a process is.
  private func runByGroup(_ pid: Int32) -> RunID? {
    for path in ProcessTable.controlGroups(of: pid) {
      let names = path.split(separator: "/")
      guard let index = names.firstIndex(where: { $0 == group }), index + 1 < names.count else { continue }
      if let run = RunID(String(names[index + 1])) { return run }
    }
    return nil
  }

  private func explore(_ orphan: ProcessStat) {
    guard let entry = entries[orphan.pid], !entry.isAsked else { return }
    entries[orphan.pid]?.isAsked = true
    surveyor.ask(.explore(Survey.Member(pid: orphan.pid, started: orphan.startTicks)))
  }
}
