internal import Loop
internal import Synchronization

/// A command that lives on the loop.
enum LoopProgram {
  typealias Finish = @LoopActor (Result<ExitCode, CommandFailure>) -> Void

  /// Makes this thread the loop's, lets `begin` set things up, and returns when somebody calls what it was given.
  static func run(_ begin: @escaping @LoopActor @Sendable (@escaping Finish) throws -> Void) throws -> ExitCode {
    let outcome = Outcome()
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
    return try outcome.result.withLock { $0 }.get()
  }

  private final class Outcome: Sendable {
    let result = Mutex(Result<ExitCode, CommandFailure>.success(.trouble))
  }
}
