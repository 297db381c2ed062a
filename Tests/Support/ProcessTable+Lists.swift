import Glibc
public import Kernel

extension ProcessTable {
  /// Every process.
  public static func all() throws(SystemError) -> [ProcessStat] {
    var processes: [ProcessStat] = []
    try forEach { processes.append($0) }
    return processes
  }

  /// The processes of a session, zombies included.
  public static func members(ofSession session: Int32) throws(SystemError) -> [ProcessStat] {
    try all().filter { $0.session == session }
  }

  /// The pids of this process's children, adopted orphans and zombies included.
  public static func ownChildren() throws(SystemError) -> [Int32] {
    try all().filter { $0.parent == getpid() }.map(\.pid)
  }
}
