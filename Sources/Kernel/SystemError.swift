internal import CLinux
internal import Glibc

/// A system call that failed.
public struct SystemError: Error, Sendable, CustomStringConvertible {
  /// The call's name, as in its man page.
  public let call: StaticString
  /// The error number that it left.
  public let code: Int32
  /// What it was about: a path, a name, or what to do about it.
  public let detail: String?

  /// An error that a call reported by this number.
  public init(call: StaticString, code: Int32, detail: String? = nil) {
    self.call = call
    self.code = code
    self.detail = detail
  }

  /// Such as `open: No such file or directory (ENOENT): /etc/nothing`.
  public var description: String {
    let failure = "\(call): \(SystemError.describe(code))"
    guard let detail else { return failure }
    return "\(failure): \(detail)"
  }

  /// An error number in words and by its symbol, such as `No such file or directory (ENOENT)`.
  public static func describe(_ code: Int32) -> String {
    guard let name = cl_error_name(code), let text = strerror(code) else { return "error \(code)" }
    return "\(String(cString: text)) (\(String(cString: name)))"
  }

  /// The symbol of an error number, like `ENOENT`.
  public static func symbol(_ code: Int32) -> String {
    cl_error_name(code).map { String(cString: $0) } ?? "E\(code)"
  }

  /// What the calling thread's last failed call left in errno.
  static func last(_ call: StaticString, _ detail: @autoclosure () -> String? = nil) -> SystemError {
    let code = errno
    return SystemError(call: call, code: code, detail: detail())
  }
}
