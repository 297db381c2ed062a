/// The names of Linux's signals.
public enum SignalName {
  private static let names = [
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
    9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
    16: "SIGSTKFLT", 17: "SIGCHLD", 18: "SIGCONT", 19: "SIGSTOP", 20: "SIGTSTP", 21: "SIGTTIN", 22: "SIGTTOU",
    23: "SIGURG", 24: "SIGXCPU", 25: "SIGXFSZ", 26: "SIGVTALRM", 27: "SIGPROF", 28: "SIGWINCH", 29: "SIGIO",
    30: "SIGPWR", 31: "SIGSYS",
  ]

  /// The name of a signal; real-time signals have none and stand as their number.
  public static func text(_ number: Int32) -> String { names[Int(number)] ?? "SIG\(number)" }

  /// The number of a signal named with or without `SIG`.
  public static func number(_ name: String) -> Int32? {
    let full = name.hasPrefix("SIG") ? name : "SIG" + name
    return names.first { $0.value == full }.map { Int32($0.key) }
  }
}
