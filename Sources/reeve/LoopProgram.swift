internal import Kernel
internal import Loop
internal import Synchronization

/// A command that is a host: it has a guardian, and lives on the loop.
enum LoopProgram {
  typealias Finish = @LoopActor (Result<ExitCode, CommandFailure>) -> Void

  /// Forks, while there is one thread and nothing of the ledger is open. Then runs the loop on a thread of its own, lets `begin` set things up, and returns when somebody calls what it was given.
  ///
  /// Not on the main thread: in a process that was forked, as a host is from its guardian, Swift's runtime takes that for
  /// the thread it was before the fork, and two threads that met at a first use would wait for ever (docs/decisions/0010).
  static func run(
    asBystander isBystander: Bool = false,
    _ begin: @escaping @LoopActor @Sendable (@escaping Finish) throws -> Void
  ) throws -> ExitCode {
    do {
      try Guardian.stand(asBystander: isBystander)
    } catch {
      throw CommandFailure(.trouble, "a host cannot begin: \(error)")
    }
    let outcome = Outcome()
    let thread = try Worker("loop") {
      Loop.main {
        let finish: Finish = { result in
          outcome.result.withLock { $0 = result }
          Loop.shared.stop()
        }
        do {
          try begin(finish)
        } catch {
          finish(.failure(Program.explain(error)))
        }
      }
    }
    thread.join()
    return try outcome.result.withLock { $0 }.get()
  }

  private final class Outcome: Sendable {
    let result = Mutex(Result<ExitCode, CommandFailure>.success(.trouble))
  }
}
