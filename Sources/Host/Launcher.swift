internal import Glibc
internal import Kernel
internal import Loop
internal import Model
internal import Synchronization

/// Told how a launch goes.
@LoopActor protocol LaunchClient: AnyObject {
  /// The program runs, or has failed to.
  func launched(_ outcome: LaunchOutcome)
  /// It hangs before the program runs, and is being killed.
  func launchStalled()
  /// Not even the kill has ended it; the thread it blocks is given up. `launched` may still come, much later.
  func launchAbandoned()
}

/// Launches programs on a thread of its own, in the order they are given.
///
/// A launch blocks its thread until the program runs, and that may take for ever: the program may lie on a dead
/// file system. Such a launch is killed after a while; if that does not help, its thread is left behind and a new
/// one takes over with what waits.
///
/// The thread lives as long as the host, because the kernel kills the programs that a thread has launched when
/// that thread ends.
@LoopActor final class Launcher: EventSource {
  /// How long a program may take from clone to exec.
  static let patience = TimeSpan.seconds(5)
  /// How long a killed launch may take to end.
  static let burial = TimeSpan.seconds(2)

  private struct Job: Sendable {
    let ticket: UInt64
    let request: LaunchRequest
  }

  private struct Result: Sendable {
    let ticket: UInt64
    let outcome: LaunchOutcome
  }

  /// One thread and what it has to do.
  private final class Lane: Sendable {
    struct Work {
      var waiting: [Job] = []
      var current: UInt64?
      var isClosed = false
    }

    let work = Mutex(Work())
    let bell: Bell
    let slot: LaunchSlot

    init() throws(SystemError) {
      bell = try Bell(blocking: true)
      slot = try LaunchSlot()
    }

    /// Serves jobs until the lane is closed.
    func serve(_ results: Port<Result>) {
      while true {
        let next: (job: Job?, isClosed: Bool) = work.withLock { work in
          let job = work.waiting.isEmpty ? nil : work.waiting.removeFirst()
          work.current = job?.ticket
          return (job, work.isClosed)
        }
        guard let job = next.job else {
          if next.isClosed { return }
          bell.hear()
          continue
        }
        results.send(Result(ticket: job.ticket, outcome: job.request.perform(in: slot)))
      }
    }
  }

  private enum Tag {
    static let results = 0
    static let stall = 1
  }

  private let results: Port<Result>
  private var resultsBell: Watched<Descriptor>?
  private var lane: Lane
  private var clients: [UInt64: any LaunchClient] = [:]
  private var lastTicket: UInt64 = 0
  private let stallTimer = LoopTimer(tag: Tag.stall)
  /// The launch that was killed because it hung.
  private var stalled: UInt64?
  private var arrived: [Result] = []

  init() throws(SystemError) {
    results = try Port(blocking: false)
    lane = try Lane()
    try start(lane)
    resultsBell = try Watched(try results.watchable(), tag: Tag.results, source: self)
  }

  /// Ends the thread once it has nothing to do. No program may be left that it launched.
  func close() {
    stallTimer.disarm()
    resultsBell.take()?.close()
    lane.work.withLock { $0.isClosed = true }
    lane.bell.ring()
  }

  /// Starts a program; `client` is told how it went.
  func launch(_ request: LaunchRequest, for client: any LaunchClient) {
    lastTicket += 1
    clients[lastTicket] = client
    let job = Job(ticket: lastTicket, request: request)
    lane.work.withLock { $0.waiting.append(job) }
    lane.bell.ring()
    if stallTimer.deadline == .never { stallTimer.arm(at: Loop.shared.now + Self.patience, source: self) }
  }

  private func start(_ lane: Lane) throws(SystemError) {
    let results = results
    try Worker("launcher") { lane.serve(results) }.detach()
  }

  func ready(_ tag: Int, _ readiness: Readiness) {
    results.take(&arrived)
    for result in arrived {
      if result.ticket == stalled { stalled = nil }
      clients.removeValue(forKey: result.ticket)?.launched(result.outcome)
    }
    arrived.removeAll(keepingCapacity: true)
    waitFurther(until: Loop.shared.now + Self.patience)
  }

  /// Looks whether the launch under way has been so for too long.
  func timerFired(_ tag: Int) {
    let now = Loop.shared.now
    guard let launch = lane.slot.launchUnderWay(), let ticket = lane.work.withLock({ $0.current }) else {
      return waitFurther(until: now + Self.patience)
    }
    if ticket == stalled {
      abandon(ticket)
    } else if now - launch.began >= Self.patience {
      stalled = ticket
      _ = try? launch.pidfd.send(SIGKILL)
      clients[ticket]?.launchStalled()
      waitFurther(until: now + Self.burial)
    } else {
      waitFurther(until: launch.began + Self.patience)
    }
  }

  private func waitFurther(until deadline: Instant) {
    let isBusy = lane.work.withLock { $0.current != nil || !$0.waiting.isEmpty }
    if isBusy { stallTimer.arm(at: deadline, source: self) } else { stallTimer.disarm() }
  }

  /// Leaves the thread behind; what waits goes to a new one, in order.
  private func abandon(_ ticket: UInt64) {
    do {
      let next = try Lane()
      try start(next)
      let waiting = lane.work.withLock { work in
        work.isClosed = true
        defer { work.waiting = [] }
        return work.waiting
      }
      next.work.withLock { $0.waiting = waiting }
      next.bell.ring()
      lane = next
      stalled = nil
    } catch {
      // Without a thread nothing can be launched now; the old one goes on should it ever come back.
    }
    clients[ticket]?.launchAbandoned()
    waitFurther(until: Loop.shared.now + Self.patience)
  }
}
