internal import Glibc
internal import Kernel
internal import Synchronization

/// Takes Swift's jobs for the loop's thread; the loop runs them between two waits.
final class LoopExecutor: SerialExecutor, TaskExecutor {
  private let jobs = Mutex<[UnownedJob]>([])
  private let thread = Atomic<UInt>(0)
  /// Ends the loop's wait when a job comes from another thread.
  let bell: Bell

  init() {
    do {
      bell = try Bell(blocking: false)
    } catch {
      fatalError("the loop needs an eventfd: \(error)")
    }
  }

  /// From now on the calling thread is the loop's.
  func adoptThread() { thread.store(UInt(pthread_self()), ordering: .relaxed) }

  private var isOnThread: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let isFirst = jobs.withLock { jobs in
      jobs.append(job)
      return jobs.count == 1
    }
    // On the thread itself the loop looks again before it sleeps.
    if isFirst && !isOnThread { bell.ring() }
  }

  func checkIsolated() { precondition(isOnThread, "this must run on the loop's thread") }

  func isIsolatingCurrentContext() -> Bool? { isOnThread }

  /// Runs what is queued. `spare` keeps its storage from turn to turn, so that a steady state allocates nothing.
  func drain(_ spare: inout [UnownedJob]) -> Bool {
    jobs.withLock { swap(&$0, &spare) }
    for job in spare {
      job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    }
    let ranAny = !spare.isEmpty
    spare.removeAll(keepingCapacity: true)
    return ranAny
  }
}
