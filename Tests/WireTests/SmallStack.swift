import Glibc

/// Runs a function on a thread of its own with as much stack as Reeve's smallest thread has, and waits for it.
func withSmallStack(_ body: @escaping @Sendable () -> Void) -> Bool {
  final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  defer { pthread_attr_destroy(&attributes) }
  pthread_attr_setstacksize(&attributes, 512 * 1024)
  var thread = pthread_t()
  let work = Unmanaged.passRetained(Work(body))
  let failure = pthread_create(
    &thread, &attributes,
    { argument in
      if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
      return nil
    }, work.toOpaque())
  guard failure == 0 else {
    work.release()
    return false
  }
  return pthread_join(thread, nil) == 0
}
