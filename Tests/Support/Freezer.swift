import Glibc
import Kernel
import Testing

/// A v1 freezer group: what it holds survives SIGKILL until it is thawed.
public struct Freezer: ~Copyable {
  private let path: String

  /// A group of the test's own below the one that the test is in; nil where there is no v1 freezer to be had.
  public static func make() -> Freezer? {
    guard let membership = try? contents("/proc/self/cgroup") else { return nil }
    let line = membership.split(separator: "\n").first { $0.split(separator: ":").dropFirst().first == "freezer" }
    guard let own = line?.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).last else { return nil }
    let parent = "/sys/fs/cgroup/freezer\(own == "/" ? "" : own)"
    let path = "\(parent)/reeve-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    return mkdir(path, 0o755) == 0 ? Freezer(path: path) : nil
  }

  private init(path: String) { self.path = path }

  deinit {
    thaw()
    // A group can be removed when the last of its processes has been reaped.
    for _ in 0..<5000 where rmdir(path) != 0 && errno == EBUSY { usleep(2000) }
  }

  /// Freezes a process and waits until it is.
  public func freeze(_ pid: Int32) throws {
    try write("cgroup.procs", "\(pid)")
    try eventually("process \(pid) does not freeze") {
      // Said again and again: one that is just being frozen by the v2 tree misses it.
      try write("freezer.state", "FROZEN")
      return try contents("\(path)/freezer.state") == "FROZEN\n"
    }
  }

  /// Lets them go on.
  public func thaw() { try? write("freezer.state", "THAWED") }

  private func write(_ name: String, _ text: String) throws {
    try Descriptor.open("\(path)/\(name)", flags: O_WRONLY).writeAll(Array(text.utf8).span.bytes)
  }
}
