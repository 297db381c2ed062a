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
/// Every thread lives as long as the host, one that was left behind too: the kernel kills the programs that a thread
/// has launched when that thread ends.
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

  /// A job that a thread is at.
  private struct UnderWay: Equatable, Sendable {
    let ticket: UInt64
    let began: Instant
  }

  /// One thread and what it has to do.
  private final class Lane: Sendable {
    struct Work {
      var waiting: [Job] = []
      /// From the moment the job is taken until its outcome is known: whatever blocks the thread in between is seen.
      var current: UnderWay?
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
          work.current = job.map { UnderWay(ticket: $0.ticket, began: Clock.now()) }
          return (job, work.isClosed)
        }
        guard let job = next.job else {
          if next.isClosed { return }
          bell.hear()
          continue
        }
        let outcome = job.request.perform(in: slot)
        work.withLock { $0.current = nil }
        results.send(Result(ticket: job.ticket, outcome: outcome))
      }
    }

    var underWay: UnderWay? { work.withLock { $0.current } }
  }

  private enum Tag {
    static let results = 0
    static let stall = 1
  }

  private let results: Port<Result>
  private var resultsBell: Watched<Descriptor>?
  private var lane: Lane
  /// Those whose threads were left behind. They get no more work, but their programs live on with them.
  private var leftBehind: [Lane] = []
  private var clients: [UInt64: any LaunchClient] = [:]
  private var lastTicket: UInt64 = 0
  private let stallTimer = LoopTimer(tag: Tag.stall)
  /// The launch that was killed because it hung, and when it is given up.
  private var stalled: (launch: UnderWay, patience: Instant)?
  private var arrived: [Result] = []

  init() throws(SystemError) {
    results = try Port(blocking: false)
    lane = try Lane()
    try start(lane)
    resultsBell = try Watched(try results.watchable(), tag: Tag.results, source: self)
  }

  /// Ends the threads once they have nothing to do. No program may be left that they launched.
  func close() {
    stallTimer.disarm()
    resultsBell.take()?.close()
    for lane in leftBehind + [lane] { end(lane) }
  }

  /// Starts a program; `client` is told how it went.
  func launch(_ request: LaunchRequest, for client: any LaunchClient) {
    lastTicket += 1
    clients[lastTicket] = client
    let job = Job(ticket: lastTicket, request: request)
    lane.work.withLock { $0.waiting.append(job) }
    lane.bell.ring()
    if stallTimer.deadline == .never { watch() }
  }

  private func start(_ lane: Lane) throws(SystemError) {
    let results = results
    try Worker("launcher") { lane.serve(results) }.detach()
  }

  func ready(_ tag: Int, _ readiness: Readiness) {
    results.take(&arrived)
    for result in arrived {
      if result.ticket == stalled?.launch.ticket { stalled = nil }
      clients.removeValue(forKey: result.ticket)?.launched(result.outcome)
    }
    arrived.removeAll(keepingCapacity: true)
    watch()
  }

  /// Looks whether the launch under way has been so for too long.
  ///
  /// What counts is when its thread took it: a child that has not yet said who it is, or one that does not end when it
  /// is to be reaped, holds the thread up as well, and nothing is to be seen of either.
  func timerFired(_ tag: Int) {
    let now = Loop.shared.now
    guard let launch = lane.underWay else { return watch() }
    if let stalled, stalled.launch == launch {
      if stalled.patience <= now { abandon(launch) }
    } else if now - launch.began >= Self.patience {
      stalled = (launch, now + Self.burial)
      kill(launch)
      clients[launch.ticket]?.launchStalled()
    }
    watch()
  }

  /// Sleeps until the launch under way has had its time.
  private func watch() {
    let (current, isIdle) = lane.work.withLock { ($0.current, $0.current == nil && $0.waiting.isEmpty) }
    if isIdle { return stallTimer.disarm() }
    let deadline =
      if let current, let stalled, stalled.launch == current {
        stalled.patience
      } else {
        (current?.began ?? Loop.shared.now) + Self.patience
      }
    stallTimer.arm(at: deadline, source: self)
  }

  private func kill(_ launch: UnderWay) {
    // It may have ended meanwhile, and what is seen belong to the next one: only if its thread is still at the same
    // afterwards it was so all along.
    guard let seen = lane.slot.launchUnderWay(), lane.underWay == launch else { return }
    _ = try? seen.pidfd.send(SIGKILL)
  }

  /// Leaves the thread behind; what waits goes to a new one, in order.
  private func abandon(_ launch: UnderWay) {
    do {
      let next = try Lane()
      try start(next)
      // It may have come back just now; then it has taken what waits, or is about to.
      let waiting = lane.work.withLock { work -> [Job]? in
        guard work.current == launch else { return nil }
        defer { work.waiting = [] }
        return work.waiting
      }
      guard let waiting else { return end(next) }
      next.work.withLock { $0.waiting = waiting }
      next.bell.ring()
      leftBehind.append(lane)
      lane = next
      stalled = nil
    } catch {
      // Without a thread nothing can be launched now; the old one goes on should it ever come back.
      stalled = (launch, Loop.shared.now + Self.patience)
    }
    clients[launch.ticket]?.launchAbandoned()
  }

  private func end(_ lane: Lane) {
    lane.work.withLock { $0.isClosed = true }
    lane.bell.ring()
  }
}
