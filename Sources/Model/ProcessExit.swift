/// How a process ended, as the kernel told it.
public enum ProcessExit: Equatable, Hashable, Sendable {
  /// It called exit with this code.
  case code(Int32)
  /// This signal ended it.
  case signal(Int32)

  /// Whether this is exit code 0, the only ending that does not contradict success.
  public var isSuccess: Bool { self == .code(0) }
}
