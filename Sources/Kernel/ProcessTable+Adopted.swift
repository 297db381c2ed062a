internal import CLinux
internal import Glibc

extension ProcessTable {
  /// The orphans that a subreaper has adopted, by their pids, zombies included.
  ///
  /// The kernel keeps children by thread. It hands an orphan to the first live thread of its new parent, which is
  /// the main thread; and the programs of runs are children of the thread that launched them. So as long as the
  /// main thread launches nothing itself, its children are those that were adopted, and no others.
  public static func adoptedChildren() throws(SystemError) -> [Int32] { try children(of: getpid(), thread: getpid()) }

  /// Throws where the kernel does not list the children of a process (CONFIG_PROC_CHILDREN), or where there is no /proc:
  /// there it would look as if there never were any.
  public static func requireChildren() throws(SystemError) {
    let path = "/proc/self/task/\(getpid())/children"
    try retryingInterrupts("access", path) { access(path, R_OK) }
  }

  /// Reaps a child by its pid if it has ended, and says whether it is gone.
  @discardableResult
  public static func reapIfEnded(_ pid: Int32) -> Bool {
    var status: Int32 = 0
    let reaped = waitpid(pid, &status, WNOHANG)
    return reaped == pid || (reaped < 0 && errno == ECHILD)
  }
}
