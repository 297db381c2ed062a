/// A host as the ledger keeps it. Whether it lives is told by its lock, not by this row.
public struct HostRecord: Sendable {
  /// Its name.
  public var id: HostID
  /// Its process.
  public var pid: Int32
  /// When the kernel says that process began, in ticks since boot.
  public var startTicks: Int64
  /// The boot it runs in.
  public var boot: String
  /// The version of Reeve it is.
  public var version: String
  /// When it began.
  public var started: Timestamp
  /// The file of its lock: device and inode.
  public var lock: (device: UInt64, inode: UInt64)
  /// The state folder it keeps its record in, by which a copy of that folder is told from the folder itself.
  public var folder: (device: UInt64, inode: UInt64)?
  /// The folder that its socket lies in.
  public var sockets: String
  /// Where its control groups are, if it has any: those of its runs are in them.
  public var controlGroups: [String] = []
  /// When it last said that it lives, for whoever wonders after its death; nothing is decided by it.
  public var heartbeat: Timestamp?
  /// How much memory it had then.
  public var memory: Int64?

  /// A host that just began.
  public init(
    id: HostID, pid: Int32, startTicks: Int64, boot: String, version: String, started: Timestamp,
    lock: (device: UInt64, inode: UInt64), folder: (device: UInt64, inode: UInt64)?, sockets: String
  ) {
    self.id = id
    self.pid = pid
    self.startTicks = startTicks
    self.boot = boot
    self.version = version
    self.started = started
    self.lock = lock
    self.folder = folder
    self.sockets = sockets
  }
}
