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
    let name = "\(host.id).lock"
    let boot = try? Boot.identifier()
    let folder = (try? state.root.status())?.identity
    let isCopied = host.folder.map { $0.device != folder?.device || $0.inode != folder?.inode } ?? false
    let found = (try? state.hosts.status(of: name)).flatMap { $0 }?.identity
    let lockFile: LockFile =
      if let found { found.device == host.lock.device && found.inode == host.lock.inode ? .free : .replaced } else {
        .missing
      }
    // A lock is never made, nor another one trusted, beside a host that lives: its own may have been removed under it.
    // In a copy of its folder none can: what lives is at work on the original.
    if lockFile != .free, !isCopied, host.boot == boot, isAlive(host) { return nil }
    guard let lock = (try? FileLock.tryAcquire(in: state.hosts, name: name)) ?? nil else { return nil }
    return Death(lock: lock, lockFile: lockFile, isCopied: isCopied, isSameBoot: host.boot == boot)
  }

  private static func isAlive(_ host: HostRecord) -> Bool {
    guard let process = try? ProcessTable.stat(host.pid) else { return false }
    return process.isAlive && Int64(process.startTicks) == host.startTicks
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
