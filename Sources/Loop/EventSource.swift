/// What a descriptor is ready for.
public struct Readiness: OptionSet, Sendable {
  /// Bits as epoll has them.
  public let rawValue: UInt32

  /// The readiness of these bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Something can be read, or the other side is gone.
  public static let readable = Readiness(rawValue: 0x001)
  /// Something out of the ordinary: a file of a control group has changed.
  public static let priority = Readiness(rawValue: 0x002)
  /// Something can be written.
  public static let writable = Readiness(rawValue: 0x004)
  /// An error waits to be fetched.
  public static let failed = Readiness(rawValue: 0x008)
  /// Both directions are closed.
  public static let hungUp = Readiness(rawValue: 0x010)
}

/// Something that the loop tells about its descriptors and timers.
@LoopActor public protocol EventSource: AnyObject {
  /// One of its descriptors is ready. `tag` is the number it was watched with.
  func ready(_ tag: Int, _ readiness: Readiness)
  /// One of its timers fired.
  func timerFired(_ tag: Int)
}
