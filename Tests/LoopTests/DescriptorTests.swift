import Glibc
import Kernel
import Loop
import Model
import Support
import Testing

extension LoopTests {
  struct DescriptorTests {
    @Test
    func `a pipe that becomes readable wakes its source, with its tag and as long as something is in it`() async throws
    {
      let (reader, writer) = try makePipe()
      let write = Descriptor(owning: writer)
      let log = Log<Int>()
      let probe = Probe()
      try await onLoop {
        probe.onReady = { tag, readiness in
          guard readiness.contains(.readable) else { return }
          drain(reader)
          log.add(tag)
        }
        try probe.watch(Descriptor(owning: reader), tag: 7)
      }
      try write.writeAll(Array("abc".utf8).span.bytes)
      try eventually { log.count == 3 }
      #expect(log.all == [7, 7, 7])
      try await onLoop { probe.close() }
    }

    @Test
    func `a source is told when the other side is gone, and when it may write if it wants to know`() async throws {
      let (reader, writer) = try makePipe()
      let log = Log<Readiness>()
      let probe = Probe()
      try await onLoop {
        probe.onReady = { tag, readiness in
          log.add(readiness)
          probe.watched[tag]?.mute()
        }
        // Nothing is wanted yet, though the pipe has room.
        try probe.watch(Descriptor(owning: writer), tag: 0, for: [])
      }
      #expect(log.count == 0)
      try await onLoop { probe.watched[0]?.setInterest(.writable) }
      try eventually { log.count == 1 }
      #expect(log.all[0].contains(.writable))
      try await onLoop {
        probe.close()
        try probe.watch(Descriptor(owning: reader), tag: 0)
      }
      // The writing end has just been closed; another test's child may hold it a moment longer.
      try eventually { log.count == 2 }
      #expect(log.all[1].contains(.hungUp))
      try await onLoop { probe.close() }
    }

    /// How often the loop turns until a timer of 100 ms fires, after this was done on it.
    private func turns(after prepare: @escaping @LoopActor @Sendable () throws -> Void) async throws -> Int {
      let counts = Log<Int>()
      let probe = Probe()
      try await onLoop {
        try prepare()
        let before = Loop.shared.turns
        probe.onTimer = { _ in counts.add(Loop.shared.turns - before) }
        LoopTimer(tag: 0).arm(at: Clock.now() + .milliseconds(100), source: probe)
      }
      try eventually { counts.count == 1 }
      return counts.all[0]
    }

    @Test
    func `a closed descriptor does not turn the loop, though its open file lives on elsewhere`() async throws {
      let (reader, writer) = try makePipe()
      let write = Descriptor(owning: writer)
      let probe = Probe()
      let held = Log<Int32>()
      let log = Log<Int>()
      let count = try await turns {
        probe.onReady = { tag, _ in log.add(tag) }
        let read = Descriptor(owning: reader)
        held.add(try read.duplicate().relinquish())
        try probe.watch(read, tag: 0)
        try write.writeAll(Array("x".utf8).span.bytes)
        probe.close()
      }
      for raw in held.all { Descriptor(owning: raw).close() }
      #expect(count < 20)
      #expect(log.count == 0)
    }

    @Test
    func `a muted descriptor does not turn the loop, though it is ready and open`() async throws {
      let (reader, writer) = try makePipe()
      let write = Descriptor(owning: writer)
      let probe = Probe()
      let count = try await turns {
        try probe.watch(Descriptor(owning: reader), tag: 0)
        try write.writeAll(Array("x".utf8).span.bytes)
        probe.watched[0]?.mute()
      }
      try await onLoop { probe.close() }
      #expect(count < 20)
    }

    @Test
    func `a late event for a descriptor that was closed does not reach the next one of its number and place`() async {
      // In a process of its own, where nobody else takes the number that has become free.
      await #expect(processExitsWith: .success) {
        let log = Log<String>()
        let (a, b) = (try makePipe(), try makePipe())
        try await onLoop {
          let probe = Probe()
          let next = Probe()
          next.onReady = { _, _ in log.add("the next one was told") }
          probe.onReady = { tag, _ in
            let other = 1 - tag
            drain(tag == 0 ? a.reader : b.reader)
            let number = probe.watched[other]?.raw
            probe.watched[other]?.close()
            do {
              let (reader, _) = try makePipe()
              try next.watch(Descriptor(owning: reader), tag: 0)
              log.add(reader == number ? "replaced" : "another number")
            } catch {
              log.add("\(error)")
            }
          }
          try probe.watch(Descriptor(owning: a.reader), tag: 0)
          try probe.watch(Descriptor(owning: b.reader), tag: 1)
          // Both are ready before the loop looks: one wait gives both events.
          for raw in [a.writer, b.writer] {
            let write = Descriptor(owning: raw)
            try write.writeAll(Array("x".utf8).span.bytes)
            _ = write.relinquish()
          }
        }
        try eventually { log.count > 0 }
        let late = try await onLoop { Loop.shared.lateEvents }
        #expect(log.all == ["replaced"])
        #expect(late == 1)
      }
    }

    @Test
    func `a watched descriptor that is dropped without being closed ends the process with a clear message`()
      async throws
    {
      let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        try await onLoop {
          let (reader, _) = try makePipe()
          _ = try Watched(Descriptor(owning: reader), tag: 0, source: Probe())
        }
      }
      let text = String(decoding: result.standardErrorContent, as: UTF8.self)
      #expect(text.contains("a watched descriptor was dropped without close()"))
    }
  }
}
