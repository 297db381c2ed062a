internal import Glibc
internal import Kernel
internal import Synchronization

/// What the program says to whoever called it. Nothing here is called from the loop: the other end of stdout may
/// stop reading for ever.
enum Terminal {
  static let isOutputTerminal = isatty(STDOUT_FILENO) == 1
  static let isErrorTerminal = isatty(STDERR_FILENO) == 1

  /// Whether stderr is a terminal on which a line can be drawn over.
  static var hasCursor: Bool {
    guard isErrorTerminal, let kind = getenv("TERM") else { return false }
    let name = String(cString: kind)
    return !name.isEmpty && name != "dumb"
  }

  /// What first went wrong with stdout, but for a reader that left.
  private static let outputFailure = Atomic<Int32>(0)

  /// Whether anything went wrong with stdout; a reader that left is nothing wrong.
  static var isInTrouble: Bool { outputFailure.load(ordering: .relaxed) != 0 }

  private static let hasToldTrouble = Atomic<Bool>(false)

  /// Says what went wrong with stdout, if anything did; once.
  static func tellTrouble() {
    let code = outputFailure.load(ordering: .relaxed)
    guard code != 0, !hasToldTrouble.exchange(true, ordering: .relaxed) else { return }
    complain("stdout: \(SystemError.describe(code))")
  }

  /// Sees to it that the three standard descriptors are there: a file that was opened under one of their numbers
  /// would be written to in its place. What stands in for a closed stdout cannot be written, so that it is noticed.
  static func fillStandardDescriptors() {
    for descriptor in 0...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// A text that does to a terminal what it looks like, whoever wrote it: no control characters but newlines and tabs.
  static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          let isControl = scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value)
          return (isControl && scalar != "\n" && scalar != "\t") || turnsText(scalar) ? "\u{fffd}" : scalar
        }))
  }

  /// Whether it has what follows shown in another order than it is in: a command could look like another one.
  private static func turnsText(_ scalar: Unicode.Scalar) -> Bool {
    (0x202a...0x202e).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
  }

  /// The same on one line: a line break in a name could pass for the next row of a table.
  static func printableLine(_ text: String) -> String {
    printable(text).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).joined(separator: "\u{fffd}")
  }

  /// Writes to stdout, all of it.
  static func print(_ text: String) { write(Array(text.utf8), to: STDOUT_FILENO) }

  /// One line on stderr.
  static func complain(_ message: String) {
    let line = printable(message).split(separator: "\n", omittingEmptySubsequences: true).joined(separator: " ")
    write(Array("reeve: \(line)\n".utf8), to: STDERR_FILENO)
  }

  /// Writes as long as somebody reads. A reader that has gone away is no reason to fail: the work goes on.
  static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var start = 0
    bytes.withUnsafeBytes { buffer in
      while start < buffer.count {
        let written = Glibc.write(descriptor, buffer.baseAddress.map { $0 + start }, buffer.count - start)
        if written > 0 {
          start += written
        } else if errno == EAGAIN {
          // Somebody has made the terminal that we share non-blocking.
          var interest = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&interest, 1, -1)
        } else if errno != EINTR {
          if descriptor == STDOUT_FILENO && errno != EPIPE { outputFailure.store(errno, ordering: .relaxed) }
          return
        }
      }
    }
  }

  static func finish(_ code: ExitCode) -> Never { exit(code.rawValue) }

  /// How wide the terminal is.
  static var width: Int {
    var size = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }
}
