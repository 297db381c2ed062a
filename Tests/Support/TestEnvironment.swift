import Glibc

/// What the tests are told from outside.
public enum TestEnvironment {
  /// A variable; nil when it is not set, or empty.
  public static func value(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }
}
