internal import Glibc

/// How many descriptors a process may have open.
public struct FileLimit: Equatable, Sendable {
  /// What is enforced.
  public var soft: UInt64
  /// How far the process may raise that itself.
  public var hard: UInt64

  /// A pair of limits.
  public init(soft: UInt64, hard: UInt64) {
    self.soft = soft
    self.hard = hard
  }

  /// The limits of this process.
  public static func current() throws(SystemError) -> FileLimit {
    var limit = rlimit()
    try retryingInterrupts("getrlimit") { getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
    return FileLimit(soft: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max))
  }

  /// Lets this process open as many as it may; returns the limits it had before, which a child should get back.
  ///
  /// A child must not inherit the raised one: select(2) breaks above 1024, and old programs close every number up to it.
  public static func raise() throws(SystemError) -> FileLimit {
    let original = try current()
    var limit = rlimit(rlim_cur: rlim_t(original.hard), rlim_max: rlim_t(original.hard))
    try retryingInterrupts("setrlimit") { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
    return original
  }
}
