/// Where all run state lives: code isolated to this actor runs on the loop's one thread, and nowhere else.
@globalActor public actor LoopActor {
  /// The one loop of the process.
  public static let shared = LoopActor()

  nonisolated let executor = LoopExecutor()

  /// Jobs of this actor go to the loop.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// For `Task(executorPreference:)`: a task that does not name the loop would start a pool of threads.
  public nonisolated var tasks: any TaskExecutor { executor }
}
