internal import Kernel
internal import Model
internal import Wire

/// A host that is known to have died, and the right to act in its place.
///
/// The right is the dead host's lock: whoever holds it is the only one, and the host cannot come back. A lock proves
/// death only if it is the lock that the host took; where its file is gone or another, the host's own process is asked
/// for: its pid, with when it began and in which boot.
struct Death: ~Copyable {
  /// How the lock's file was found.
  enum LockFile: String {
    case free
    case missing
    case replaced
  }

  let lock: FileLock
  let lockFile: LockFile
  /// Whether this state folder is a copy of the one that the host kept its record in.
  let isCopied: Bool
  let isSameBoot: Bool

  /// Whether processes of the host may still be here.
  var mayHaveLeft: Bool { isSameBoot && !isCopied }

  /// Takes over from a host; nil when it lives, or somebody else is about to.
  static func of(_ host: HostRecord, in state: StateFolder) -> Death? {
    let signs = Signs(of: host, in: state)
    guard !signs.isAlive,
      let lock = (try? FileLock.tryAcquire(in: state.hosts, name: Signs.lockName(of: host.id))) ?? nil
    else { return nil }
    return Death(lock: lock, lockFile: signs.lockFile, isCopied: signs.isCopied, isSameBoot: signs.isSameBoot)
  }

  /// What can be seen of a host without touching anything.
  struct Signs {
    let lockFile: LockFile
    let isCopied: Bool
    let isSameBoot: Bool
    let isAlive: Bool

    static func lockName(of host: HostID) -> String { "\(host).lock" }

    init(of host: HostRecord, in state: StateFolder) {
      let name = Self.lockName(of: host.id)
      let folder = (try? state.root.status())?.identity
      isCopied = host.folder.map { $0.device != folder?.device || $0.inode != folder?.inode } ?? false
      isSameBoot = host.boot == (try? Boot.identifier())
      let found = (try? state.hosts.status(of: name)).flatMap { $0 }?.identity
      lockFile =
        found.map { $0.device == host.lock.device && $0.inode == host.lock.inode ? .free : .replaced } ?? .missing
      if Self.isLocked(host.id, in: state) {
        isAlive = true
      } else {
        // Beside a host that lives another lock is not trusted, nor a missing one: its own may have been removed under
        // it. In a copy of its folder none is at work: what lives is so on the original.
        isAlive = lockFile != .free && !isCopied && isSameBoot && Self.isRunning(host)
      }
    }

    /// Whether the lock of this name is held, which no dead host can.
    static func isLocked(_ host: HostID, in state: StateFolder) -> Bool {
      guard let probe = try? FileLock.probe(in: state.hosts, name: lockName(of: host)) else { return true }
      if case .held = probe { return true }
      return false
    }

    private static func isRunning(_ host: HostRecord) -> Bool {
      guard let process = try? ProcessTable.stat(host.pid) else { return false }
      return process.isAlive && Int64(process.startTicks) == host.startTicks
    }
  }

  /// What shows that it died, for the record.
  func evidence(_ host: HostRecord) -> JSONObject {
    [
      "host": .string(host.id.description), "host_pid": .integer(Int64(host.pid)),
      "lock": .string(lockFile.rawValue), "state_folder": isCopied ? "copied" : "same",
      "boot": isSameBoot ? "same" : "another",
      "heartbeat": host.heartbeat.map { .string($0.description) } ?? .null,
      "host_memory": host.memory.map { .integer($0) } ?? .null,
    ]
  }

  /// Lets go of the lock.
  consuming func release() { lock.release() }
}
