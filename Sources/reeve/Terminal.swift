internal import Glibc
internal import Kernel

/// What the program says to whoever called it. Nothing here is called from the loop: the other end of stdout may
/// stop reading for ever.
enum Terminal {
  static let isOutputTerminal = isatty(STDOUT_FILENO) == 1
  static let isErrorTerminal = isatty(STDERR_FILENO) == 1

  /// Writes to stdout, all of it.
  static func print(_ text: String) { write(Array(text.utf8), to: STDOUT_FILENO) }

  /// One line on stderr.
  static func complain(_ message: String) {
    let line = message.split(separator: "\n", omittingEmptySubsequences: true).joined(separator: " ")
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
