internal import CLinux
internal import Glibc

/// The process that stands between a client and its host: it passes signals on, and ends what a dead host leaves.
public enum Guardian {
  /// Forks, while this process has a single thread. Returns in the child, the host; the parent is its guardian and never
  /// returns. One that is a bystander has no part in stdin and stdout.
  public static func stand(asBystander isBystander: Bool = false) throws(SystemError) {
    try retryingInterrupts("fork") { cl_guard_stand(isBystander) }
    closeInherited()
  }

  /// Whether this process has a guardian that lives.
  public static var isStanding: Bool { cl_guard_stands() }

  /// Tells the guardian what recovery needs: the host's name, and the v2 cgroup to kill with all that is below it, if
  /// its runs are in one. The guardian must not be in it.
  public static func note(host: String, group: String?) { cl_guard_note(host, group ?? "") }

  /// Tells the guardian whether there is anything to settle if this process ends now.
  public static func hasWork(_ hasWork: Bool) { cl_guard_set_work(hasWork) }

  /// The client has its answer: the guardian exits with this code now, and this process goes on by itself, without
  /// terminal and stdio.
  public static func dismiss(code: Int32) { cl_guard_dismiss(code) }

  /// Closes what the client handed down by number, a lock or a pipe: the guardian holds it as long as the client waits,
  /// and the host may live on after that. All that is ours is closed on exec; what came through exec is not.
  private static func closeInherited() {
    guard let entries = try? Directory.open("/proc/self/fd", following: true).entries() else { return }
    for descriptor in entries.compactMap({ Int32($0) }) where descriptor > STDERR_FILENO {
      if fcntl(descriptor, F_GETFD) & FD_CLOEXEC == 0 { close(descriptor) }
    }
  }
}
