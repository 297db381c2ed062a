internal import Glibc
public import Kernel
public import Model

/// The user's background host: of the hosts of a state folder the one that others find, since it holds a lock of a known
/// name, in which it notes its own.
public struct BackgroundHost: ~Copyable {
  private static let lockName = "background.lock"
  /// Where other programs find it, without the ledger: in the folder for sockets.
  public static let socketName = "reeve.sock"
  /// What it has to say when nobody listens.
  public static let logName = "background.log"
  private static let largestLog = 1 << 20

  private let lock: FileLock
  private let state: StateFolder

  /// Becomes the background host; nil when there is one.
  public static func claim(in state: StateFolder) throws(HostError) -> BackgroundHost? {
    do {
      guard let lock = try FileLock.tryAcquire(in: state.hosts, name: lockName) else { return nil }
      return BackgroundHost(lock: lock, state: state)
    } catch {
      throw HostError(.system, "a background host cannot begin: \(error)")
    }
  }

  private init(lock: consuming FileLock, state: StateFolder) {
    self.lock = lock
    self.state = state
  }

  /// It listens, and may be found.
  public func open(_ host: HostID) throws(HostError) {
    do { try lock.note(host.description) } catch {
      throw HostError(.system, "a background host cannot begin: \(error)")
    }
  }

  /// It takes no more work: whoever needs a background host may start another.
  public consuming func resign() { lock.discard(from: state.hosts, name: Self.lockName) }

  /// The folder in which it can be found by `socketName`: the user's folder for sockets; for a state folder that is not
  /// where it usually is, its own.
  public static func folder(
    in state: StateFolder, environment: [String: String]
  ) throws(SystemError) -> Directory {
    let isElsewhere = ["REEVE_STATE", "XDG_STATE_HOME"].contains { environment[$0].map { !$0.isEmpty } ?? false }
    if isElsewhere { return try Directory.open(state.hosts.path) }
    return try state.sockets(environment: environment)
  }

  /// Where a background host writes what somebody may want to read; begun anew when it has become long.
  public static func log(in state: StateFolder) throws(SystemError) -> Descriptor {
    let flags = O_WRONLY | O_CREAT | O_APPEND
    if let status = try state.hosts.status(of: logName), status.bytes > largestLog {
      return try state.hosts.openFile(logName, flags: flags | O_TRUNC)
    }
    return try state.hosts.openFile(logName, flags: flags)
  }

  /// How it stands with the background host.
  public enum Finding: Sendable {
    /// There is none.
    case none
    /// One is just beginning.
    case beginning
    /// There is this one.
    case running(HostID)
  }

  /// Looks for it.
  public static func find(in state: StateFolder) throws(HostError) -> Finding {
    do {
      guard case .held = try FileLock.probe(in: state.hosts, name: lockName) else { return .none }
      let note = try FileLock.note(in: state.hosts, name: lockName)
      // What stands there may still be the name of one that died, until the next has begun.
      guard let host = note.flatMap({ HostID($0) }), Death.Signs.isLocked(host, in: state) else { return .beginning }
      return .running(host)
    } catch {
      throw HostError(.system, "it cannot be told whether there is a background host: \(error)")
    }
  }

  /// Connects to a host of this state folder.
  public static func connect(to host: HostID, in state: StateFolder) throws(HostError) -> HostClient {
    guard let record = try Owner.record(of: host, in: state) else {
      throw HostError(.ownerUnreachable(host), "the ledger knows no host \(host)")
    }
    return try HostClient(folder: record.sockets, host: host)
  }
}
