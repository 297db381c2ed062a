internal import CLinux
internal import Glibc

/// A signal that reached this process.
public struct ReceivedSignal: Equatable, Sendable {
  /// Which one.
  public let number: Int32
  /// The pid that sent it; 0 when the kernel did.
  public let sender: Int32
  /// The pid of a child that has ended, where the kernel says so; 0 otherwise. Signals of several may have become one.
  public let child: Int32
  /// Whether the kernel raised it by itself, as a terminal does for Ctrl-C, rather than a process by kill.
  public let fromKernel: Bool
}

/// Signals as something to read, in place of handlers that interrupt any code anywhere.
public struct SignalQueue: ~Copyable, Sendable {
  /// Readable while a signal waits.
  public let descriptor: Descriptor

  /// Holds these signals back for the whole process and queues them here.
  ///
  /// To be called before any thread starts: a thread inherits the mask of its maker, and one that does not block a signal
  /// dies of it.
  public init(holding signals: [Int32]) throws(SystemError) {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { try retryingInterrupts("sigaddset") { sigaddset(&set, signal) } }
    // Ignored, as by who started us, it would have the kernel reap our children before we see how they ended.
    if signals.contains(SIGCHLD) { signal(SIGCHLD, SIG_DFL) }
    let code = pthread_sigmask(SIG_BLOCK, &set, nil)
    guard code == 0 else { throw SystemError(call: "pthread_sigmask", code: code) }
    descriptor = Descriptor(owning: try retryingInterrupts("signalfd") { cl_signal_descriptor(signals, signals.count) })
  }

  /// The next signal, nil when none waits.
  public func next() throws(SystemError) -> ReceivedSignal? {
    var signal = cl_signal()
    let raw = descriptor.raw
    guard try retryingInterrupts("read", nil, { cl_next_signal(raw, &signal) }) > 0 else { return nil }
    return ReceivedSignal(
      number: signal.number, sender: signal.sender, child: signal.child, fromKernel: signal.from_kernel)
  }

  /// Makes a write to a pipe or socket that nobody reads fail with EPIPE, rather than end the process.
  ///
  /// And a write beyond the file size limit fail with EFBIG.
  public static func ignoreWriteSignals() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
  }
}
