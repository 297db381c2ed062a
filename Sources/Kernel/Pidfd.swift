internal import CLinux
internal import Glibc
public import Model

/// How a process ended, and what it used together with the descendants that it waited for.
public struct Ending: Equatable, Sendable {
  /// How it ended.
  public let status: ProcessExit
  /// Processor time, its own and the kernel's for it.
  public let cpu: TimeSpan
  /// The most memory it held at once, in bytes.
  ///
  /// At least what its parent held when it was launched: a vfork child lives in its parent's memory until exec, and the
  /// kernel counts that.
  public let maxResident: Int
}

/// A process, named by a descriptor that never comes to mean another one.
public struct Pidfd: ~Copyable, Sendable {
  /// Readable once the whole process has ended.
  public let descriptor: Descriptor

  /// Takes over a pidfd that nobody else will close.
  public init(owning raw: Int32) { descriptor = Descriptor(owning: raw) }

  /// Names a process that has this pid now.
  public static func open(_ pid: Int32) throws(SystemError) -> Pidfd {
    Pidfd(owning: try retryingInterrupts("pidfd_open", "\(pid)") { cl_pidfd_open(pid) })
  }

  /// Sends it a signal: whether it was there to get it. A zombie is.
  @discardableResult
  public func send(_ signal: Int32) throws(SystemError) -> Bool {
    let raw = descriptor.raw
    return try delivered("pidfd_send_signal") { cl_pidfd_send_signal(raw, signal) }
  }

  /// Sends a signal to the process group that this child of ours leads: whether anyone was there to get it.
  ///
  /// Legal only while the leader is unreaped, for that alone keeps its pid, and so the group's number, from being given
  /// to strangers: once it is reaped this throws ECHILD. Whoever reaps must not do so at the same time on another thread.
  @discardableResult
  public func signalGroup(ofUnreapedLeader pid: Int32, _ signal: Int32) throws(SystemError) -> Bool {
    _ = try exitStatus()
    return try delivered("kill") { kill(-pid, signal) }
  }

  /// How it ended and what it used, nil while it lives. Leaves the zombie, and with it the pid; for children of ours only.
  public func ending() throws(SystemError) -> Ending? { try wait(CL_WAIT_PEEK) }

  /// How it ended, nil while it lives.
  public func exitStatus() throws(SystemError) -> ProcessExit? { try ending()?.status }

  /// Reaps it if it has ended; nil while it lives. From then on its pid may be given to another.
  public func reap() throws(SystemError) -> Ending? {
    try wait(CL_WAIT_REAP)
  }

  /// Waits until it has ended, and reaps it.
  func reapWhenEnded() throws(SystemError) -> Ending? {
    try wait(CL_WAIT_STAY)
  }

  private func wait(_ wait: cl_wait) throws(SystemError) -> Ending? {
    var ending = cl_ending()
    let raw = descriptor.raw
    guard try retryingInterrupts("waitid", nil, { cl_wait_pidfd(raw, wait, &ending) }) > 0 else { return nil }
    return Ending(
      status: ending.by_signal ? .signal(ending.status) : .code(ending.status),
      cpu: TimeSpan(nanoseconds: ending.cpu_nanoseconds),
      maxResident: Int(ending.max_resident_bytes))
  }

  private func delivered(_ call: StaticString, _ body: () -> Int32) throws(SystemError) -> Bool {
    do {
      try retryingInterrupts(call, nil, body)
      return true
    } catch {
      guard error.code == ESRCH else { throw error }
      return false
    }
  }
}
