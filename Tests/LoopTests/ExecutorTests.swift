import Glibc
import Kernel
import Loop
import Model
import Support
import Testing

extension LoopTests {
  struct ExecutorTests {
    @Test
    func `code of the loop runs on the loop's thread, wherever it is called from`() async throws {
      let loop = try await onLoop { currentThread() }
      #expect(loop != currentThread())
      let seen = Log<UInt>()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<100 { group.addTask { try await onLoop { seen.add(currentThread()) } } }
        try await group.waitForAll()
      }
      #expect(seen.all == Array(repeating: loop, count: 100))
    }

    @concurrent private func wander(_ seen: Log<UInt>) async {
      seen.add(currentThread())
      await Task.yield()
      seen.add(currentThread())
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<10 { group.addTask { seen.add(currentThread()) } }
      }
      async let child: Void = seen.add(currentThread())
      await child
      seen.add(currentThread())
    }

    @Test
    func `a task that names the loop has its every step there, and needs no other thread`() async throws {
      let seen = Log<UInt>()
      let loop = try await onLoop { currentThread() }
      await Task(executorPreference: LoopActor.shared.tasks) { await wander(seen) }.value
      #expect(seen.all == Array(repeating: loop, count: 14))
    }

    @Test
    func `jobs of one sender run in the order in which they were given`() async throws {
      let order = Log<Int>()
      try await onLoop {
        for number in 0..<100 {
          Task(executorPreference: LoopActor.shared.tasks) { @LoopActor in order.add(number) }
        }
        #expect(order.count == 0)
      }
      try eventually { order.count == 100 }
      #expect(order.all == Array(0..<100))
    }

    @Test
    func `a loop that was blocked for over a second says so before anything else of its turn, and for how long`()
      async throws
    {
      let log = Log<TimeSpan>()
      let order = Log<String>()
      let probe = Probe()
      try await onLoop {
        Loop.shared.onStandstill = { span in
          log.add(span)
          order.add("standstill")
        }
        probe.onTimer = { _ in order.add("timer") }
        LoopTimer(tag: 0).arm(at: Clock.now() + .milliseconds(1100), source: probe)
        usleep(1_200_000)
      }
      try eventually { order.count == 2 }
      try await onLoop { Loop.shared.onStandstill = { _ in } }
      #expect(order.all == ["standstill", "timer"])
      #expect(log.all.allSatisfy { $0 >= .milliseconds(1200) && $0 < .seconds(60) })
    }

    @Test
    func `a loop that had nothing to do for over a second did not stand still`() async throws {
      let log = Log<String>()
      let probe = Probe()
      // The machine itself may stand still, and then it may be said; it does not do so three times in a row.
      for _ in 0..<3 {
        let before = log.count
        try await onLoop {
          Loop.shared.onStandstill = { _ in log.add("standstill") }
          probe.onTimer = { _ in log.add("timer") }
          LoopTimer(tag: 0).arm(at: Clock.now() + .milliseconds(1100), source: probe)
        }
        try eventually { log.all.dropFirst(before).contains("timer") }
        if log.all.dropFirst(before) == ["timer"] { break }
      }
      try await onLoop { Loop.shared.onStandstill = { _ in } }
      #expect(log.all.last == "timer" && log.all.dropLast().last != "standstill")
    }

    @Test
    func `the loop stops when it is told to, after what was already queued`() async {
      await #expect(processExitsWith: .success) {
        let order = Log<String>()
        try Worker("loop") {
          Loop.main {
            Task(executorPreference: LoopActor.shared.tasks) { @LoopActor in
              order.add("queued")
              Loop.shared.stop()
            }
            order.add("started")
          }
          order.add("returned")
        }.join()
        #expect(order.all == ["started", "queued", "returned"])
      }
    }
  }
}
