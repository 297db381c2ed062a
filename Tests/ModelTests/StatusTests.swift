import Model
import Support
import Testing

@Suite(.tags(.small))
struct StatusTests {
  @Test
  func `a terminal status has no successor, and every status is either live or terminal`() {
    #expect(Status.terminal == [.succeeded, .failed, .cancelled, .timedOut, .outOfMemory, .lost])
    for status in Status.terminal { #expect(status.isTerminal && status.successors.isEmpty) }
    #expect(Set(Status.live).union(Status.terminal) == Set(Status.allCases))
    #expect(Set(Status.live).isDisjoint(with: Status.terminal))
  }

  @Test(arguments: Status.live)
  func `every live status can be ended at once, and nothing leads back`(status: Status) {
    #expect(status.successors.contains { $0.isTerminal })
    // Whatever ends a host or a client can end a run in any state.
    for end in [Status.failed, .cancelled, .timedOut, .lost] { #expect(status.successors.contains(end)) }
    var reached: Set<Status> = []
    var next = Set(status.successors)
    while let status = next.popFirst() {
      if reached.insert(status).inserted { next.formUnion(status.successors) }
    }
    #expect(!reached.contains(status))
  }

  @Test
  func `each verdict is written as a pair of status and reason that no other one has`() {
    struct Pair: Hashable {
      let status: Status
      let reason: String?
    }
    let pairs = Verdict.all.map { Pair(status: $0.status, reason: $0.reason) }
    #expect(Set(pairs).count == pairs.count)
    #expect(Set(pairs.map(\.status)) == Set(Status.terminal))
    for pair in pairs { #expect((pair.reason == nil) == (pair.status == .succeeded)) }
  }

  @Test
  func `the words of statuses and verdicts are those of the protocol`() {
    #expect(Status.timedOut.rawValue == "timed_out" && Status.outOfMemory.rawValue == "out_of_memory")
    let failures = "spawn agent exit signal no_result truncated output_limit task_limit budget internal"
    #expect(Verdict.Failure.allCases.map(\.rawValue).joined(separator: " ") == failures)
    #expect(Verdict.lost(.hostDied).reason == "host_died")
  }

  @Test
  func `every set of flags survives being written as words`() {
    for bits in UInt16(0)..<(1 << 9) {
      let flags = Flags(rawValue: bits)
      #expect(Flags(words: flags.words) == flags)
      #expect(flags.words.count == bits.nonzeroBitCount)
    }
    #expect(Set(Flags.names.map(\.name)).count == 13)
  }

  @Test
  func `an unknown flag, from a newer Reeve, is passed over`() {
    #expect(Flags(words: ["noise", "from_the_future", "", "lingered"]) == [.noise, .lingered])
  }

  @Test
  func `every signal is found by both of its names, and none by another`() {
    for number in Int32(1)...31 {
      let name = SignalName.text(number)
      #expect(SignalName.number(name) == number)
      #expect(SignalName.number(String(name.dropFirst(3))) == number)
    }
    for name in ["", "SIG", "15", "term", "SIGSIGTERM", "RTMIN"] { #expect(SignalName.number(name) == nil) }
    #expect(SignalName.text(34) == "SIG34")
  }

  @Test
  func `an instant stays at never instead of overflowing`() {
    #expect(Instant.never + .seconds(1) == .never)
    #expect(Instant(nanoseconds: .max - 5) + TimeSpan(nanoseconds: 6) == .never)
    #expect(Instant(nanoseconds: 5) + .milliseconds(2) == Instant(nanoseconds: 2_000_005))
    #expect(Instant(nanoseconds: 5) - Instant(nanoseconds: 7) == TimeSpan(nanoseconds: -2))
  }
}
