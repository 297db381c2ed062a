/// How a launch went.
public enum LaunchOutcome: Sendable {
  /// The program runs.
  case started(LaunchedProcess)
  /// It does not, and nothing is left of the attempt: no process and no descriptor.
  case failed(LaunchFailure)
}

/// A process that was launched, on its way from the launching thread to its owner.
///
/// A plain value, because it crosses threads in queues that copy. It stands for one descriptor, which leaks unless
/// somebody claims it.
public struct LaunchedProcess: Sendable {
  /// Its pid, which is also its process group and its session.
  public let pid: Int32
  /// Its pidfd, unclaimed.
  let rawPidfd: Int32

  /// Takes over the pidfd: to be called once, by whoever will own the process from then on.
  public func claim() -> Pidfd { Pidfd(owning: rawPidfd) }
}
