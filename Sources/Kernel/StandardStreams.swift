internal import Glibc

/// What a program was given to read and to write, out of the way of everything else in it.
public struct StandardStreams: ~Copyable, Sendable {
  /// What was stdin; it does not block.
  public let input: Descriptor
  /// What was stdout; it does not block.
  public let output: Descriptor

  /// Takes stdin and stdout. In their places stand /dev/null and stderr: a stray print is seen by people, and cannot break
  /// a stream that programs read.
  public static func take() throws(SystemError) -> StandardStreams {
    let input = try own(STDIN_FILENO, O_RDONLY)
    let output = try own(STDOUT_FILENO, O_WRONLY)
    let nowhere = try Descriptor.open("/dev/null", flags: O_RDWR)
    try retryingInterrupts("dup2") { dup2(nowhere.raw, STDIN_FILENO) }
    try retryingInterrupts("dup2") { dup2(STDERR_FILENO, STDOUT_FILENO) }
    return StandardStreams(input: input, output: output)
  }

  private init(input: consuming Descriptor, output: consuming Descriptor) {
    self.input = input
    self.output = output
  }

  /// Lets go of all three, for a program that goes on without whoever started it; what it says goes to a file.
  public static func leave(for log: borrowing Descriptor) throws(SystemError) {
    let nowhere = try Descriptor.open("/dev/null", flags: O_RDWR)
    try retryingInterrupts("dup2") { dup2(nowhere.raw, STDIN_FILENO) }
    let raw = log.raw
    for stream in [STDOUT_FILENO, STDERR_FILENO] { try retryingInterrupts("dup2") { dup2(raw, stream) } }
  }

  /// A descriptor of our own that does not block.
  ///
  /// Whether it blocks is a property of the open file, which others share: a shell its terminal with us, and its stdin.
  /// Opened anew, a pipe or a terminal is ours alone. A socket cannot be opened anew, and a file never blocks.
  private static func own(_ raw: Int32, _ mode: Int32) throws(SystemError) -> Descriptor {
    let copy = try Descriptor.duplicate(of: raw)
    let kind = try copy.status().kind
    switch kind {
    case S_IFIFO, S_IFCHR:
      if let anew = try? Descriptor.open("/proc/self/fd/\(raw)", flags: mode | O_NONBLOCK | O_NOCTTY) { return anew }
      if kind == S_IFIFO { try copy.setNonblocking() }
    case S_IFSOCK: try copy.setNonblocking()
    default: break
    }
    return copy
  }
}
