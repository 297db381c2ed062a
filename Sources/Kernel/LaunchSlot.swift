internal import CLinux
public import Model

/// A launch that is between clone and exec.
public struct LaunchUnderWay: ~Copyable, Sendable {
  /// The child's pid.
  public let pid: Int32
  /// When the launch began.
  public let began: Instant
  /// The child, under a descriptor that is the holder's own: it stays good whatever becomes of the launch.
  public let pidfd: Pidfd
}

/// What a launching thread needs for one launch after another, and what shows others a launch that is stuck.
///
/// The launching thread stands still from clone to exec, and exec may take for ever (a dead network file system, a lease on
/// the program). Then another thread looks into the slot and kills the child, which frees the launching thread.
public final class LaunchSlot: Sendable {
  /// Where the C slot lies. A pointer type would not be Sendable, though every function that takes this one may be called
  /// from any thread; nothing else is done with it, and it lives as long as this object.
  private let address: UInt

  /// A slot for one launch at a time.
  public init() throws(SystemError) {
    guard let slot = cl_slot_create() else { throw .last("mmap") }
    address = UInt(bitPattern: slot)
  }

  deinit { cl_slot_destroy(pointer) }

  var pointer: OpaquePointer? { OpaquePointer(bitPattern: address) }

  /// The launch under way; nil between launches, and before the child lives.
  public func launchUnderWay() -> LaunchUnderWay? {
    var pid: Int32 = 0
    var began: Int64 = 0
    let pidfd = cl_slot_observe(pointer, &pid, &began)
    guard pidfd >= 0 else { return nil }
    return LaunchUnderWay(pid: pid, began: Instant(nanoseconds: began), pidfd: Pidfd(owning: pidfd))
  }
}
