import Glibc
import Kernel

/// A control group of a test's own, gone with all that is in it when the test lets go of it.
public final class TestGroup {
  /// Where it is.
  public let path: String

  /// A new one below this directory; nil where none can be made.
  public init?(below place: String?) {
    guard let place else { return nil }
    let path = "\(place)/reeve-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    guard mkdir(path, 0o755) == 0 else { return nil }
    self.path = path
  }

  deinit {
    // What was killed takes a moment to leave.
    for _ in 0..<2000 where !Self.remove(path) { usleep(5000) }
  }

  /// Writes one of its files.
  public func write(_ name: String, _ text: String) throws {
    try Descriptor.open("\(path)/\(name)", flags: O_WRONLY).writeAll(Array(text.utf8).span.bytes)
  }

  /// Lets a user make groups in it and move processes there.
  public func delegate(to user: UInt32) -> Bool {
    let files = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"].map { "\(path)/\($0)" }
    return ([path] + files).allSatisfy { chown($0, user, user) == 0 }
  }

  private static func remove(_ path: String) -> Bool {
    for name in TestFile.names(in: path) ?? [] where isFolder("\(path)/\(name)") { _ = remove("\(path)/\(name)") }
    for pid in ((try? contents("\(path)/cgroup.procs")) ?? "").split(separator: "\n") {
      if let pid = Int32(pid), pid > 0 { kill(pid, SIGKILL) }
    }
    return rmdir(path) == 0 || errno == ENOENT
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
