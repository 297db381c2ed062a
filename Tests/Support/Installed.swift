import Glibc

extension World {
  /// Where a program lies that is found in the PATH of this world; nil where it is not installed.
  public func installed(_ program: String) -> String? {
    (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
  }
}
