internal import Glibc
public import Kernel

/// Where Reeve keeps what must outlive it: the owner's alone, and below it nothing is opened through a link.
///
/// `ledger.db`, `runs/ID/` with the transcript and stderr of each run that wrote something, `hosts/ID.lock` and what else
/// a host has, `directories/` with a lock for each directory that is being written to.
public final class StateFolder: Sendable {
  /// The folder itself.
  public let root: Directory
  /// A folder for each run that wrote something.
  public let runs: Directory
  /// A lock for each host.
  public let hosts: Directory

  /// Opens the state folder at this path, and makes it if it is not there.
  public init(path: String) throws(SystemError) {
    let given = try Directory.openOrCreate(path)
    // Its real name: SQLite is given paths, and two names for one folder would be two locks.
    root = try Directory.open(try given.descriptor.realPath())
    runs = try Directory.openOrCreate("\(root.path)/runs")
    hosts = try Directory.openOrCreate("\(root.path)/hosts")
  }

  /// The locks of directories that runs write to; made when first needed.
  func directories() throws(SystemError) -> Directory { try Directory.openOrCreate("\(root.path)/directories") }

  /// Its stamp is the time of the last clearing.
  private static let clearingMark = "cleared"

  /// When it was last cleared up, in milliseconds since 1970; nil when it never was.
  var lastClearing: Int64? { (try? root.status(of: Self.clearingMark)).flatMap { $0 }?.modified }

  /// It was cleared up.
  func noteClearing() {
    guard let mark = try? root.openFile(Self.clearingMark, flags: O_WRONLY | O_CREAT) else { return }
    futimens(mark.raw, nil)
  }

  /// Where the state lies for this user: `REEVE_STATE`, else `reeve` in the XDG state folder.
  public static func path(environment: [String: String], account: Account) -> String {
    if let path = environment["REEVE_STATE"], !path.isEmpty { return path }
    if let folder = environment["XDG_STATE_HOME"], folder.hasPrefix("/") { return "\(folder)/reeve" }
    let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? account.home
    return "\(home)/.local/state/reeve"
  }

  /// The folder for sockets: in the user's runtime folder, else beside the hosts' locks.
  func sockets(environment: [String: String]) throws(SystemError) -> Directory {
    if let folder = environment["XDG_RUNTIME_DIR"], folder.hasPrefix("/"),
      let sockets = try? Directory.openOrCreate("\(folder)/reeve")
    {
      return sockets
    }
    return try Directory.open(hosts.path)
  }
}
