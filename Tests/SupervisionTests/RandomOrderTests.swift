import Glibc
import Model
import Supervision
import Support
import Testing

/// Millions of random orders of events, and what must hold in every one of them.
@Suite("Random event orders", .tags(.small))
struct RandomOrderTests {
  /// A million events in a quick run; REEVE_MODEL_EVENTS asks for more.
  static let events = TestEnvironment.value("REEVE_MODEL_EVENTS").flatMap { Int($0) } ?? 1_000_000
  static let seed = TestEnvironment.value("REEVE_SEED").flatMap { UInt64($0) } ?? UInt64.random(in: 1...UInt64.max)

  @Test
  func `every order of events gives one verdict that never changes, and ends gone or stuck with no timer left`() throws
  {
    print("random event orders: REEVE_SEED=\(Self.seed), \(Self.events) events")
    var random = Generator(state: Self.seed)
    var used = 0
    var endings: [Actions.Ending: Int] = [:]
    var verdicts: Set<Verdict> = []
    while used < Self.events {
      let seed = random.state
      var life = Life(random: random)
      let isSound = life.live()
      let complaint = life.complaint
      try #require(isSound, "REEVE_SEED=\(seed): \(complaint ?? "")")
      used += life.steps
      random = life.random
      if let ending = life.endings.last { endings[ending, default: 0] += 1 }
      life.verdicts.first.map { _ = verdicts.insert($0) }
    }
    // The orders must have been varied enough to mean something.
    #expect(endings[.release, default: 0] > 0 && endings[.quarantine, default: 0] > 0)
    let unreachable: Set<Verdict> = Set(
      Verdict.all.filter {
        switch $0 {
        case .lost, .failed(.internal): true
        default: false
        }
      })
    #expect(verdicts == Set(Verdict.all).subtracting(unreachable))
  }
}

/// One life of one machine under random events.
struct Life: ~Copyable {
  var random: Generator
  var machine: RunMachine
  var now = Instant(nanoseconds: 0)
  var steps = 0
  var verdicts: [Verdict] = []
  var endings: [Actions.Ending] = []
  var complaint: String?

  init(random: Generator) {
    self.random = random
    var limits = Limits()
    for name in [LimitName.start, .idle, .tool, .wall] where self.random.next() % 4 == 0 {
      limits[name] = Limits.Entry(value: nil, origin: .request)
    }
    machine = RunMachine(
      terms: Terms(
        limits: limits, basis: Basis.allCases[Int(self.random.next() % 3)], countsLastWord: self.random.next() % 3 == 0,
        successNeedsExit: self.random.next() % 3 == 0))
  }

  /// Random events for a while, then only what a kernel always brings: time, and in most lives the exit.
  mutating func live() -> Bool {
    let isUnkillable = random.next() % 4 == 0
    for _ in 0..<(8 + random.next() % 40) {
      guard step(random.next() % 18, isUnkillable: isUnkillable) else { return false }
    }
    // A launch comes back or is given up; a process exits unless it cannot be killed; time goes on.
    for event: UInt64 in [0, isUnkillable ? 4 : 1, isUnkillable ? 17 : 12, 16] {
      guard step(event, isUnkillable: isUnkillable) else { return false }
    }
    if verdicts.isEmpty, !step(14, isUnkillable: isUnkillable) { return false }
    if machine.state == .aborting, !step(2, isUnkillable: isUnkillable) { return false }
    if !isUnkillable, !step(12, isUnkillable: false) || !step(13, isUnkillable: false) { return false }
    var turns = 0
    while machine.state != .gone && machine.state != .stuck {
      turns += 1
      guard turns < 20 else { return fail("it does not come to its end: \(machine.state)") }
      guard step(16, isUnkillable: isUnkillable) else { return false }
    }
    guard verdicts.count == 1 else { return fail("verdicts given: \(verdicts)") }
    guard machine.state != .gone || machine.timers.armed.isEmpty else {
      return fail("gone with timers armed: \(machine.timers.armed)")
    }
    return true
  }

  private mutating func step(_ event: UInt64, isUnkillable: Bool) -> Bool {
    steps += 1
    now = now + TimeSpan(nanoseconds: Int64(random.next() % 3_000_000_000))
    let before = machine.state
    let actions = apply(event, isUnkillable: isUnkillable)
    if let verdict = actions.settle { verdicts.append(verdict) }
    if let ending = actions.ending { endings.append(ending) }
    if verdicts.count > 1 { return fail("a second verdict after event \(event) in \(before): \(verdicts)") }
    if verdicts.first != machine.verdict {
      return fail("the verdict changed to \(String(describing: machine.verdict))")
    }
    if before == .gone && !actions.isEmpty { return fail("gone, and yet event \(event) caused \(actions)") }
    if endings.filter({ $0 == .release }).count > 1 { return fail("released twice") }
    if (machine.state == .gone) != endings.contains(.release) { return fail("gone and released are not the same") }
    if machine.verdict == nil && machine.disposal.isReleased && endings.count > 0 {
      return fail("let go without a verdict")
    }
    return true
  }

  private mutating func apply(_ event: UInt64, isUnkillable: Bool) -> Actions {
    switch event {
    case 0: return random.next() % 2 == 0 ? machine.seated(at: now) : machine.recorded(at: now)
    case 1: return machine.spawned(at: now)
    case 2: return machine.spawnFailed()
    case 3: return machine.launchStalled()
    case 4: return machine.launchAbandoned()
    case 5: return machine.eventSeen(.life, at: now)
    case 6: return machine.eventSeen(.content, at: now)
    case 7: return machine.eventSeen(.toolStarted(random.next() % 3), at: now)
    case 8: return machine.eventSeen(.toolFinished(random.next() % 3), at: now)
    case 9: return machine.finalWordSeen(random.next() % 2 == 0 ? .success : .failure, at: now)
    case 10:
      return machine.cancelRequested(
        Verdict.Cancellation.allCases[Int(random.next() % 4)], urgency: random.next() % 2 == 0 ? .normal : .now, at: now
      )
    case 11:
      // Most lives see no breach, or every one of them would end by one.
      guard random.next() % 4 == 0 else { return .none }
      return machine.limitExceeded(Breach.allCases[Int(random.next() % 5)], at: now)
    case 12:
      guard !isUnkillable else { return .none }
      let exit: ProcessExit = random.next() % 2 == 0 ? .code(Int32(random.next() % 2)) : .signal(9)
      return machine.exited(
        exit, isLastLineCut: random.next() % 3 == 0, isTreeEmpty: random.next() % 2 == 0, at: now)
    case 13: return isUnkillable ? .none : machine.treeEmptied()
    case 14: return machine.cancelRequested(.client, urgency: .normal, at: now)
    case 15:
      machine.hostStoodStill(for: .seconds(5))
      return .none
    case 16:
      // To the next deadline, and now and then far beyond it.
      guard machine.timers.earliest != .never else { return .none }
      now = max(now, machine.timers.earliest) + .seconds(random.next() % 8 == 0 ? 100_000 : 0)
      return machine.timerFired(at: now)
    default: return .none
    }
  }

  private mutating func fail(_ what: String) -> Bool {
    complaint = what
    return false
  }
}

/// A small generator whose whole state is its seed (splitmix64).
struct Generator: RandomNumberGenerator, Sendable {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
