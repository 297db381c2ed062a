import Glibc

/// What the tests are told from outside.
enum TestEnvironment {
  static func value(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }

  /// Says on stderr that something was not tested; a skipped test must never look like one that passed.
  static func skipped(_ what: String, because reason: String) {
    let line = Array("SKIPPED: \(what): \(reason)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
  }
}
