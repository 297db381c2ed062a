import Model
import Supervision
import Support
import Testing

/// The verdict table of docs/states.md, row by row.
@Suite("Verdict table", .tags(.small))
struct VerdictTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var says: FinalWord?
    var does: Deed
    var terms = Terms()
    var verdict: Verdict
    var flags: Flags = []
    var testDescription: String { "\(says.map { "\($0)" } ?? "nothing"), \(does): \(verdict)" }
  }

  enum Deed: Sendable {
    case exits(ProcessExit, cut: Bool = false)
    case isCancelled
    case breaks(Breach)
    case runsInto(TimerName)
    case stays
  }

  static let lastWord = Terms(countsLastWord: true)
  static let needsExit = Terms(successNeedsExit: true)
  static let byEvidence = Terms(basis: .evidence)
  static let byExit = Terms(basis: .exit)

  static let rows: [Row] = [
    // The agent said failure: that is the verdict, whatever the process does.
    Row(says: .failure, does: .stays, verdict: .failed(.agent)),
    Row(says: .failure, does: .exits(.code(0)), verdict: .failed(.agent)),
    Row(says: .failure, does: .exits(.signal(9)), verdict: .failed(.agent)),
    Row(says: .failure, does: .isCancelled, verdict: .failed(.agent)),
    Row(says: .failure, does: .exits(.code(0)), terms: byExit, verdict: .failed(.agent)),
    Row(says: .failure, does: .exits(.code(0)), terms: needsExit, verdict: .failed(.agent)),
    Row(says: .failure, does: .exits(.code(0)), terms: lastWord, verdict: .failed(.agent)),
    // It said success: at once, and a contradicting exit is a flag.
    Row(says: .success, does: .stays, verdict: .succeeded),
    Row(says: .success, does: .exits(.code(0)), verdict: .succeeded),
    Row(says: .success, does: .exits(.code(7)), verdict: .succeeded, flags: .exitMismatch),
    Row(says: .success, does: .exits(.signal(11)), verdict: .succeeded, flags: .exitMismatch),
    Row(says: .success, does: .isCancelled, verdict: .succeeded),
    Row(says: .success, does: .breaks(.systemMemory), verdict: .succeeded),
    Row(says: .success, does: .exits(.code(7)), terms: lastWord, verdict: .succeeded, flags: .exitMismatch),
    Row(says: .success, does: .runsInto(.leave), terms: lastWord, verdict: .succeeded, flags: .lingered),
    // Where success needs the exit too, only both together are success.
    Row(says: .success, does: .exits(.code(0)), terms: needsExit, verdict: .succeeded),
    Row(says: .success, does: .exits(.code(7)), terms: needsExit, verdict: .failed(.exit)),
    Row(says: .success, does: .exits(.signal(11)), terms: needsExit, verdict: .failed(.signal)),
    Row(says: .success, does: .runsInto(.leave), terms: needsExit, verdict: .failed(.exit), flags: .lingered),
    Row(says: .success, does: .isCancelled, terms: needsExit, verdict: .cancelled(.client)),
    Row(
      says: .success, does: .runsInto(.wall), terms: Terms(successNeedsExit: true).with(wall: .seconds(1)),
      verdict: .timedOut(.wall)),
    // It said nothing: a limit, a cancel, the end of memory.
    Row(does: .runsInto(.start), verdict: .timedOut(.start)),
    Row(does: .runsInto(.wall), terms: byExit, verdict: .timedOut(.wall)),
    Row(does: .isCancelled, verdict: .cancelled(.client)),
    Row(does: .breaks(.output), verdict: .failed(.outputLimit)),
    Row(does: .breaks(.tasks), verdict: .failed(.taskLimit)),
    Row(does: .breaks(.budget), verdict: .failed(.budget)),
    Row(does: .breaks(.memory), verdict: .outOfMemory(.limit)),
    Row(does: .breaks(.systemMemory), verdict: .outOfMemory(.system)),
    // It said nothing and ended.
    Row(does: .exits(.code(0), cut: true), verdict: .failed(.truncated)),
    Row(does: .exits(.code(3), cut: true), verdict: .failed(.exit)),
    Row(does: .exits(.code(3)), verdict: .failed(.exit)),
    Row(does: .exits(.signal(11)), verdict: .failed(.signal)),
    Row(does: .exits(.code(0)), verdict: .failed(.noResult)),
    Row(does: .exits(.code(0)), terms: byExit, verdict: .succeeded),
    Row(does: .exits(.code(0), cut: true), terms: byExit, verdict: .succeeded),
    Row(does: .exits(.code(1)), terms: byExit, verdict: .failed(.exit)),
    // Judged by evidence, nothing is decided before the exit, and then both count.
    Row(says: .success, does: .exits(.code(0)), terms: byEvidence, verdict: .succeeded),
    Row(says: .success, does: .exits(.code(1)), terms: byEvidence, verdict: .failed(.exit)),
    Row(says: .success, does: .exits(.signal(9)), terms: byEvidence, verdict: .failed(.signal)),
    Row(says: .failure, does: .exits(.code(0)), terms: byEvidence, verdict: .failed(.agent)),
    Row(says: .failure, does: .exits(.code(1)), terms: byEvidence, verdict: .failed(.agent)),
    Row(does: .exits(.code(0)), terms: byEvidence, verdict: .failed(.noResult)),
    Row(does: .exits(.code(0), cut: true), terms: byEvidence, verdict: .failed(.truncated)),
    Row(does: .exits(.code(2)), terms: byEvidence, verdict: .failed(.exit)),
    Row(says: .success, does: .isCancelled, terms: byEvidence, verdict: .cancelled(.client)),
    Row(says: .success, does: .runsInto(.idle), terms: byEvidence, verdict: .timedOut(.idle)),
    Row(says: .failure, does: .runsInto(.idle), terms: byEvidence, verdict: .timedOut(.idle)),
  ]

  @Test(arguments: rows)
  func `what the agent said, checked against what its process did, gives the verdict`(row: Row) {
    var run = Driver(terms: row.terms)
    run.apply { $0.seated(at: $1) }
    run.apply { $0.recorded(at: $1) }
    run.apply { $0.spawned(at: $1) }
    if let word = row.says { run.apply { $0.finalWordSeen(word, at: $1) } }
    switch row.does {
    case .stays: break
    case .exits(let exit, let cut):
      run.apply { $0.exited(exit, isLastLineCut: cut, isTreeEmpty: true, at: $1) }
    case .isCancelled: run.apply { $0.cancelRequested(.client, urgency: .normal, at: $1) }
    case .breaks(let breach): run.apply { $0.limitExceeded(breach, at: $1) }
    case .runsInto(let timer): run.fire(timer)
    }
    #expect(run.verdicts == [row.verdict])
    #expect(run.flags == row.flags)
  }

  @Test
  func `a later final word replaces the first only where the manifest says so`() {
    for (terms, verdict) in [(Terms(), Verdict.failed(.agent)), (Self.lastWord, .succeeded)] {
      var run = Driver(terms: terms)
      run.apply { $0.seated(at: $1) }
      run.apply { $0.recorded(at: $1) }
      run.apply { $0.spawned(at: $1) }
      run.apply { $0.finalWordSeen(.failure, at: $1) }
      run.apply { $0.finalWordSeen(.success, at: $1) }
      run.apply { $0.exited(.code(0), isLastLineCut: false, isTreeEmpty: true, at: $1) }
      #expect(run.verdicts == [verdict])
    }
  }

  @Test
  func `of the evidence the last counts, and a silence after it is timed like any other`() {
    for (words, verdict) in [
      ([FinalWord.success, .failure], Verdict.failed(.agent)), ([.failure, .success], .succeeded),
    ] {
      var run = Driver(terms: Self.byEvidence)
      run.apply { $0.seated(at: $1) }
      run.apply { $0.recorded(at: $1) }
      run.apply { $0.spawned(at: $1) }
      for word in words { run.apply { $0.finalWordSeen(word, at: $1) } }
      #expect(run.verdicts.isEmpty && run.machine.state == .running && run.machine.timers[.idle] != .never)
      run.apply { $0.exited(.code(0), isLastLineCut: false, isTreeEmpty: true, at: $1) }
      #expect(run.verdicts == [verdict])
    }
  }

  @Test
  func `an agent that says it is done is judged at once by its last evidence, and not without any`() {
    for (word, verdict) in [(FinalWord.success, Verdict.succeeded), (.failure, .failed(.agent)), (nil, nil)] {
      var run = Driver(terms: Self.byEvidence)
      run.apply { $0.seated(at: $1) }
      run.apply { $0.recorded(at: $1) }
      run.apply { $0.spawned(at: $1) }
      if let word { run.apply { $0.finalWordSeen(word, at: $1) } }
      run.apply { $0.concluded(at: $1) }
      #expect(run.verdicts == [verdict].compactMap { $0 })
      #expect(run.machine.state == (verdict == nil ? .running : .leaving))
    }
  }

  @Test
  func `a run whose row is not written runs into its limits like any other`() {
    var run = Driver()
    run.apply { $0.seated(at: $1) }
    run.fire(.start)
    #expect(run.verdicts == [.timedOut(.start)] && run.endings == [.release])
    var quiet = Driver(terms: Terms(basis: .exit))
    quiet.apply { $0.seated(at: $1) }
    quiet.fire(.wall)
    #expect(quiet.verdicts == [.timedOut(.wall)] && quiet.endings == [.release])
  }

  @Test
  func `an exit after being told to leave is no mismatch`() {
    var run = Driver()
    run.apply { $0.seated(at: $1) }
    run.apply { $0.recorded(at: $1) }
    run.apply { $0.spawned(at: $1) }
    run.apply { $0.finalWordSeen(.success, at: $1) }
    run.fire(.leave)
    run.apply { $0.exited(.signal(15), isLastLineCut: false, isTreeEmpty: true, at: $1) }
    #expect(run.verdicts == [.succeeded])
    #expect(run.flags == .lingered)
    #expect(run.machine.disposal == .gone)
  }
}

extension Terms {
  func with(wall: TimeSpan) -> Terms {
    var terms = self
    terms.wall = wall
    return terms
  }

  // M1, M11
  @Test(arguments: [Breach.memory, .systemMemory, .tasks])
  func `what eats the machine is killed at once, judged or not`(breach: Breach) {
    for isJudged in [false, true] {
      var run = Driver(terms: Terms())
      run.apply { $0.seated(at: $1) }
      run.apply { $0.recorded(at: $1) }
      run.apply { $0.spawned(at: $1) }
      if isJudged { run.apply { $0.cancelRequested(.client, urgency: .normal, at: $1) } }
      run.apply { $0.limitExceeded(breach, at: $1) }
      #expect(run.machine.state == .killing)
      #expect(run.verdicts.count == 1 && (run.verdicts == [.cancelled(.client)]) == isJudged)
    }
  }

  @Test(arguments: [Breach.output, .budget])
  func `what only costs is asked to stop`(breach: Breach) {
    var run = Driver(terms: Terms())
    run.apply { $0.seated(at: $1) }
    run.apply { $0.recorded(at: $1) }
    run.apply { $0.spawned(at: $1) }
    run.apply { $0.limitExceeded(breach, at: $1) }
    #expect(run.machine.state == .terminating)
  }
}
