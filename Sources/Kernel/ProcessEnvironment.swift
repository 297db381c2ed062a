internal import Glibc

/// The environment of this process.
public enum ProcessEnvironment {
  /// Its variables by name.
  public static func current() -> [String: String] {
    var environment: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if pair.count == 2 { environment[String(pair[0])] = String(pair[1]) }
      entry += 1
    }
    return environment
  }
}
