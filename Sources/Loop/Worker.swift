internal import CLinux
internal import Glibc
public import Kernel

/// A thread of our own, for what may block: it runs one function and ends with it.
public struct Worker: ~Copyable, Sendable {
  private let thread: pthread_t

  private final class Body: Sendable {
    private let name: String
    private let body: @Sendable () -> Void

    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }

    func run() {
      cl_name_thread(name)
      body()
    }
  }

  /// Starts a thread. The name, at most 15 bytes, is what `ps -T` shows.
  public init(_ name: String, _ run: @escaping @Sendable () -> Void) throws(SystemError) {
    var thread = pthread_t()
    let body = Unmanaged.passRetained(Body(name, run))
    let code = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, body.toOpaque())
    guard code == 0 else {
      body.release()
      throw SystemError(call: "pthread_create", code: code)
    }
    self.thread = thread
  }

  /// Waits until it has ended.
  public consuming func join() { pthread_join(thread, nil) }

  /// Lets it run on; nobody waits for it.
  public consuming func detach() { pthread_detach(thread) }
}
