import Glibc
import Model

/// An ordinary user, whom no machine knows by name.
public enum TestUser {
  /// The id of the user and of the group.
  public static let id: UInt32 = 54321

  /// The words that come before a command to run it as this user.
  public static let prefix = [
    "/usr/bin/setpriv", "--reuid=\(id)", "--regid=\(id)", "--clear-groups",
  ]

  /// Why nobody can become this user; nil where one can.
  public static var obstacle: String? {
    if geteuid() != 0 { return "only root can become another user" }
    return access(prefix[0], X_OK) == 0 ? nil : "there is no setpriv"
  }

  /// Whether this user can run a program.
  static func canRun(_ program: String) throws -> Bool {
    let test = try Child(prefix[0], prefix.dropFirst() + ["/usr/bin/test", "-x", program], environment: [:])
    return try test.wait() == .code(0)
  }
}
