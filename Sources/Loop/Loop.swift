internal import CLinux
internal import Glibc
public import Kernel
public import Model

/// The epoll loop: one thread waits here for everything that can happen to a host.
@LoopActor public final class Loop {
  /// The one loop of the process.
  public static let shared = Loop()

  /// A place in the table of watched descriptors. The generation tells a late event for an earlier tenant apart.
  struct Registration: Sendable {
    let slot: UInt32
    let generation: UInt32
    var bits: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
  }

  private struct Slot {
    var generation: UInt32 = 0
    var tag = 0
    var source: (any EventSource)?
  }

  /// A loop that comes back this much later than asked stood still: stopped, suspended, or starved.
  static let standstill = TimeSpan.seconds(1)

  private let epoll: Descriptor
  private var slots: [Slot] = []
  private var vacant: [UInt32] = []
  private var isStopping = false
  var timers = TimerHeap()

  /// The time at which this turn began; one look at the clock serves a whole turn.
  public private(set) var now = Clock.now()
  /// How often the loop woke up.
  public private(set) var turns = 0
  /// How many events came for descriptors that were no longer watched.
  public private(set) var lateEvents = 0
  /// Told when the loop itself stood still, and for how long, before anything else of that turn.
  public var onStandstill: (TimeSpan) -> Void = { _ in }

  private static let bellBits = UInt64.max

  private init() {
    let raw = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard raw >= 0 else { fatalError("the loop needs epoll: \(SystemError(call: "epoll_create1", code: errno))") }
    epoll = Descriptor(owning: raw)
    var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: Loop.bellBits))
    let bell = LoopActor.shared.executor.bell.descriptor.raw
    guard epoll_ctl(raw, EPOLL_CTL_ADD, bell, &event) == 0 else {
      fatalError("the loop needs its bell: \(SystemError(call: "epoll_ctl", code: errno))")
    }
  }

  // MARK: - Descriptors

  func register(
    _ descriptor: Int32, tag: Int, interest: Readiness, source: any EventSource
  ) throws(SystemError) -> Registration {
    let slot: UInt32
    if let free = vacant.popLast() {
      slot = free
    } else {
      slot = UInt32(slots.count)
      slots.append(Slot())
    }
    let registration = Registration(slot: slot, generation: slots[Int(slot)].generation)
    var event = epoll_event(events: interest.rawValue, data: epoll_data_t(u64: registration.bits))
    guard epoll_ctl(epoll.raw, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
      let code = errno
      vacant.append(slot)
      throw SystemError(call: "epoll_ctl", code: code)
    }
    slots[Int(slot)].tag = tag
    slots[Int(slot)].source = source
    return registration
  }

  /// Whether the kernel tells when this can be read or written: of files and some devices it does not, they always can.
  public func canWatch(_ descriptor: borrowing Descriptor) -> Bool {
    var event = epoll_event(events: 0, data: epoll_data_t(u64: Loop.bellBits))
    guard epoll_ctl(epoll.raw, EPOLL_CTL_ADD, descriptor.raw, &event) == 0 else { return false }
    return epoll_ctl(epoll.raw, EPOLL_CTL_DEL, descriptor.raw, nil) == 0
  }

  func change(_ registration: Registration, _ descriptor: Int32, interest: Readiness) {
    var event = epoll_event(events: interest.rawValue, data: epoll_data_t(u64: registration.bits))
    let result = epoll_ctl(epoll.raw, EPOLL_CTL_MOD, descriptor, &event)
    precondition(result == 0, "a watched descriptor was closed behind the loop's back")
  }

  func unregister(_ registration: Registration, _ descriptor: Int32) {
    slots[Int(registration.slot)].source = nil
    slots[Int(registration.slot)].generation &+= 1
    vacant.append(registration.slot)
    let result = epoll_ctl(epoll.raw, EPOLL_CTL_DEL, descriptor, nil)
    precondition(result == 0, "a watched descriptor was closed behind the loop's back")
  }

  // MARK: - Turning

  /// Makes the calling thread the loop's and turns until somebody calls `stop`.
  public nonisolated static func main(_ start: @escaping @LoopActor @Sendable () -> Void) {
    LoopActor.shared.executor.adoptThread()
    // Runs here and now, in isolation, because this thread is the actor's executor.
    _ = Task.immediate { @LoopActor in
      start()
      Loop.shared.run()
    }
  }

  /// Ends `main` after this turn.
  public func stop() { isStopping = true }

  private func run() {
    var spare: [UnownedJob] = []
    withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
      while true {
        // Once a turn: jobs that make jobs without end must not keep descriptors and timers waiting.
        let hasJobs = LoopActor.shared.executor.drain(&spare)
        if isStopping { break }
        wait(events, atMost: hasJobs ? .zero : nil)
        fireTimers()
      }
    }
    isStopping = false
  }

  private func wait(_ events: UnsafeMutableBufferPointer<epoll_event>, atMost patience: TimeSpan?) {
    let began = Clock.now()
    noteStandstill(from: now, expectedBy: now)
    let deadline = min(timers.earliest, patience.map { began + $0 } ?? .never)
    let timeout = milliseconds(until: deadline, from: began)
    let count = epoll_wait(epoll.raw, events.baseAddress, Int32(events.count), timeout)
    let wasInterrupted = count < 0
    precondition(!wasInterrupted || errno == EINTR, "epoll_wait failed: \(errno)")
    now = Clock.now()
    turns += 1
    if wasInterrupted {
      // No handler is installed, so only being stopped and continued can end the wait like this.
      noteStandstill(from: began, expectedBy: began)
    } else if timeout >= 0 {
      noteStandstill(from: began, expectedBy: began + .milliseconds(Int64(timeout)))
    }
    for index in 0..<max(0, Int(count)) { deliver(events[index]) }
  }

  private func noteStandstill(from began: Instant, expectedBy expected: Instant) {
    let moment = Clock.now()
    // Nobody can tell when within the wait it stopped; all of it is forgiven.
    if moment - expected > Loop.standstill { onStandstill(moment - began) }
  }

  private func deliver(_ event: epoll_event) {
    let bits = event.data.u64
    guard bits != Loop.bellBits else {
      LoopActor.shared.executor.bell.hear()
      return
    }
    let slot = slots[Int(bits & 0xffff_ffff)]
    guard slot.generation == UInt32(bits >> 32), let source = slot.source else {
      lateEvents += 1
      return
    }
    source.ready(slot.tag, Readiness(rawValue: event.events))
  }

  /// Timers come after the turn's descriptors: what has happened counts before what has not.
  private func fireTimers() {
    while let timer = timers.due(at: now) { timer.fire() }
  }

  /// Rounded up, so that a timer is due when the wait for it ends.
  private func milliseconds(until deadline: Instant, from moment: Instant) -> Int32 {
    guard deadline != .never else { return -1 }
    let nanoseconds = max(0, (deadline - moment).nanoseconds)
    return Int32(min((nanoseconds + 999_999) / 1_000_000, Int64(Int32.max)))
  }
}
