internal import Glibc

/// The user whom this process acts for.
public struct Account: Equatable, Sendable {
  /// The effective user id.
  public let uid: UInt32
  /// The login name.
  public let name: String
  /// The home directory, by the user database: not the environment's word for it.
  public let home: String

  /// An account that is known from elsewhere.
  public init(uid: UInt32, name: String, home: String) {
    self.uid = uid
    self.name = name
    self.home = home
  }

  /// The account of the effective user; fails with ENOENT where the user database has none, as in some containers.
  public static func current() throws(SystemError) -> Account {
    try entry(of: geteuid()) { entry in
      guard let name = entry.pw_name, let home = entry.pw_dir else { return nil }
      return Account(uid: entry.pw_uid, name: String(cString: name), home: String(cString: home))
    }
  }

  /// The group that a user has by being that user; nil when the user database does not know the user.
  public static func primaryGroup(of uid: UInt32) -> UInt32? { try? entry(of: uid) { $0.pw_gid } }

  private static func entry<Value>(of uid: UInt32, _ read: (passwd) -> Value?) throws(SystemError) -> Value {
    var room = 1024
    while true {
      var entry = passwd()
      var found: UnsafeMutablePointer<passwd>?
      // The strings of the entry lie in this buffer, so they are read before it goes.
      let (code, value) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: room) { text in
        guard let start = text.baseAddress else { return (ENOMEM, Value?.none) }
        let code = getpwuid_r(uid, &entry, start, text.count, &found)
        guard code == 0, found != nil else { return (code, Value?.none) }
        return (code, read(entry))
      }
      if let value { return value }
      switch code {
      case EINTR: continue
      case ERANGE: room *= 2
      default: throw SystemError(call: "getpwuid_r", code: code == 0 ? ENOENT : code, detail: "user \(uid)")
      }
    }
  }
}
