import Glibc
import Testing

extension Child {
  /// The host behind this `reeve run`, which is itself the guardian.
  public func host() throws -> Int32 { try hostOf(guardian: pid) }

  /// Kills guardian and host, so that neither can do anything for the other. The host, if it is known, else it is asked
  /// for.
  public func killWithHost(_ known: Int32? = nil) throws {
    let host = try known ?? self.host()
    // Stopped, it does not hear of the end of its host; killed last, the host does not hear of its end either.
    signal(SIGSTOP)
    Glibc.kill(host, SIGKILL)
    signal(SIGKILL)
    try wait()
    try eventually("the host does not die") { !isAlive(host) }
  }
}

/// The only child that a guardian has.
public func hostOf(guardian: Int32) throws -> Int32 {
  var children: [Int32] = []
  try eventually("\(guardian) does not stand guard") {
    children = ((try? contents("/proc/\(guardian)/task/\(guardian)/children")) ?? "")
      .split(separator: " ").compactMap { Int32($0) }
    return !children.isEmpty
  }
  return try #require(children.count == 1 ? children[0] : nil, "the guardian has \(children.count) children")
}
