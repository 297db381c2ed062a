import Kernel
import Loop
import Model
import Support
import Testing

extension LoopTests {
  struct TimerTests {
    /// A timer that fired: which, and how long after its deadline.
    struct Firing: Sendable {
      let tag: Int
      let late: TimeSpan
    }

    /// Arms a timer for each span from now; the firings arrive in the log.
    @LoopActor private func arm(_ spans: [TimeSpan], _ log: Log<Firing>) -> (probe: Probe, timers: [LoopTimer]) {
      let probe = Probe()
      let now = Clock.now()
      let deadlines = spans.map { now + $0 }
      probe.onTimer = { tag in log.add(Firing(tag: tag, late: Clock.now() - deadlines[tag])) }
      let timers = deadlines.enumerated().map { tag, deadline in
        let timer = LoopTimer(tag: tag)
        timer.arm(at: deadline, source: probe)
        return timer
      }
      return (probe, timers)
    }

    @Test
    func `a timer fires once, and not before its deadline`() async throws {
      let log = Log<Firing>()
      for _ in 0..<20 {
        let count = log.count
        try await onLoop { _ = arm([.milliseconds(3)], log) }
        try eventually { log.count > count }
      }
      // One that fires twice would do so before this one, which was armed later.
      try await onLoop { _ = arm([.milliseconds(5)], log) }
      try eventually { log.count > 20 }
      #expect(log.count == 21)
      #expect(log.all.allSatisfy { $0.late >= .zero })
    }

    @Test
    func `a thousand timers fire in the order of their deadlines`() async throws {
      let log = Log<Firing>()
      // Many have the same one, and some have one that is over.
      let spans = (0..<1000).map { _ in TimeSpan.milliseconds(Int64.random(in: -5...60)) }
      try await onLoop { _ = arm(spans, log) }
      try eventually { log.count == 1000 }
      let fired = log.all.map { spans[$0.tag] }
      #expect(fired == spans.sorted())
      #expect(Set(log.all.map(\.tag)).count == 1000)
      #expect(log.all.allSatisfy { $0.late >= .zero })
    }

    @Test
    func `a timer that is armed again fires at its new time only, earlier or later`() async throws {
      let log = Log<Firing>()
      try await onLoop {
        let (probe, timers) = arm([.milliseconds(20), .milliseconds(40), .seconds(3600)], log)
        let now = Clock.now()
        timers[0].arm(at: now + .milliseconds(60), source: probe)
        timers[2].arm(at: now + .milliseconds(1), source: probe)
      }
      try eventually { log.count == 3 }
      #expect(log.all.map(\.tag) == [2, 1, 0])
      try await onLoop { _ = arm([.milliseconds(1)], log) }
      try eventually { log.count > 3 }
      #expect(log.count == 4)
    }

    @Test
    func `a disarmed timer does not fire, whichever of many it is`() async throws {
      let log = Log<Firing>()
      let spans = (0..<300).map { _ in TimeSpan.milliseconds(Int64.random(in: 1...30)) }
      let dropped = Set((0..<300).filter { _ in Bool.random() })
      try await onLoop {
        let (_, timers) = arm(spans, log)
        for tag in dropped {
          timers[tag].disarm()
          #expect(timers[tag].deadline == .never)
        }
      }
      try eventually { log.count >= 300 - dropped.count }
      let last = Log<Firing>()
      try await onLoop { _ = arm([.milliseconds(35)], last) }
      try eventually { last.count == 1 }
      #expect(Set(log.all.map(\.tag)) == Set(0..<300).subtracting(dropped))
      #expect(log.all.map { spans[$0.tag] } == log.all.map { spans[$0.tag] }.sorted())
    }

    @Test
    func `a timer may arm itself and disarm another that is due as well while it fires`() async throws {
      let log = Log<Firing>()
      try await onLoop {
        let (probe, timers) = arm([.milliseconds(1), .milliseconds(1)], log)
        let note = probe.onTimer
        probe.onTimer = { tag in
          note(tag)
          timers[1 - tag].disarm()
          if log.count < 5 { timers[tag].arm(at: Clock.now() + .milliseconds(1), source: probe) }
        }
      }
      try eventually { log.count == 5 }
      let last = Log<Firing>()
      try await onLoop { _ = arm([.milliseconds(5)], last) }
      try eventually { last.count == 1 }
      #expect(log.count == 5 && Set(log.all.map(\.tag)).count == 1)
    }

    @Test
    func `a timer keeps its source alive only while it is armed`() async throws {
      try await onLoop {
        let timer = LoopTimer(tag: 0)
        var probe: Probe? = Probe()
        weak let remembered = probe
        if let probe { timer.arm(at: Clock.now() + .seconds(3600), source: probe) }
        probe = nil
        #expect(remembered != nil)
        timer.disarm()
        #expect(remembered == nil)
      }
    }
  }
}
