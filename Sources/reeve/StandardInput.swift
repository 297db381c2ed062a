internal import Glibc
internal import Kernel
internal import Model

/// What whoever called sends us.
enum StandardInput {
  /// How long it sleeps at most between two looks at one that somebody has made non-blocking.
  private static let sleep = TimeSpan.seconds(3600)

  static let isTerminal = isatty(STDIN_FILENO) == 1

  /// All of it; nil when there is more than `limit`.
  static func read(limit: Int) throws(SystemError) -> [UInt8]? {
    let input = try Descriptor.duplicate(of: STDIN_FILENO)
    var bytes: [UInt8] = []
    var hasEnded = false
    try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64 * 1024) { piece throws(SystemError) in
      while !hasEnded && bytes.count <= limit {
        switch try input.read(into: UnsafeMutableRawBufferPointer(piece)) {
        case .bytes(let count): bytes += piece[..<count]
        case .wouldBlock: _ = input.isReadable(within: sleep)
        case .end: hasEnded = true
        }
      }
    }
    return hasEnded ? bytes : nil
  }
}
