internal import Glibc

/// The processes of this machine, as `/proc` shows them.
///
/// Each is looked at in its turn, so the whole is no snapshot: whoever must not miss any looks again until nothing new
/// turns up.
public enum ProcessTable {
  /// One process; nil when there is none of that pid.
  public static func stat(_ pid: Int32) throws(SystemError) -> ProcessStat? {
    var process: ProcessStat?
    try forEachChunk(of: "/proc/\(pid)/stat") { line in
      process = ProcessStat(line: line)
      // One read gives the whole line.
      return false
    }
    return process
  }

  /// Looks at every process.
  public static func forEach(_ body: (ProcessStat) -> Void) throws(SystemError) {
    for pid in try numbers(in: "/proc") {
      if let process = try stat(pid) { body(process) }
    }
  }

  /// The children that the kernel lists under one thread of a process.
  static func children(of pid: Int32, thread: Int32) throws(SystemError) -> [Int32] {
    var children: [Int32] = []
    var child: Int32 = 0  // Its digits may go on in the next chunk; a space ends every pid, the last one too.
    try forEachChunk(of: "/proc/\(pid)/task/\(thread)/children") { chunk in
      for byte in chunk {
        if byte == UInt8(ascii: " ") {
          children.append(child)
          child = 0
        } else {
          child = child &* 10 &+ Int32(byte &- UInt8(ascii: "0"))
        }
      }
      return true
    }
    return children
  }

  /// Room for all of a `stat` line that is of interest: a name and 22 numbers of up to 20 digits. A larger buffer would
  /// not be given room on the stack.
  private static let chunkBytes = 1024

  /// The entries of a directory in `/proc` that are numbers: processes or threads.
  static func numbers(in path: String) throws(SystemError) -> [Int32] {
    try Directory.open(path, following: true).entries().compactMap { Int32($0) }
  }

  /// Reads a file in `/proc` through a buffer on the stack, to its end or until somebody wants no more of it; not at all
  /// when what it tells of is gone.
  private static func forEachChunk(
    of path: String, _ body: (UnsafeBufferPointer<UInt8>) -> Bool
  ) throws(SystemError) {
    do {
      let file = Descriptor(
        owning: try retryingInterrupts("open", path) { path.withCString { open($0, O_RDONLY | O_CLOEXEC) } })
      try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: chunkBytes) { buffer throws(SystemError) in
        while case .bytes(let count) = try file.read(into: UnsafeMutableRawBufferPointer(buffer)),
          body(UnsafeBufferPointer(rebasing: buffer[..<count]))
        {}
      }
    } catch {
      // ESRCH: it went between our open and our read.
      guard error.code == ENOENT || error.code == ESRCH else { throw error }
    }
  }
}
