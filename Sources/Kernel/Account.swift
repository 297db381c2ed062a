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
    let uid = geteuid()
    var room = 1024
    while true {
      var entry = passwd()
      var found: UnsafeMutablePointer<passwd>?
      // The strings of the entry lie in this buffer, so they are copied before it goes.
      let (code, account) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: room) { text in
        guard let start = text.baseAddress else { return (ENOMEM, Account?.none) }
        let code = getpwuid_r(uid, &entry, start, text.count, &found)
        guard code == 0, found != nil, let name = entry.pw_name, let home = entry.pw_dir else {
          return (code, Account?.none)
        }
        return (code, Account(uid: uid, name: String(cString: name), home: String(cString: home)))
      }
      if let account { return account }
      switch code {
      case EINTR: continue
      case ERANGE: room *= 2
      default: throw SystemError(call: "getpwuid_r", code: code == 0 ? ENOENT : code, detail: "user \(uid)")
      }
    }
  }
}
