public import Kernel

/// Anything that owns one descriptor.
public protocol DescriptorOwner: ~Copyable {
  /// The number of the descriptor it owns.
  var rawDescriptor: Int32 { get }
}

extension Descriptor: DescriptorOwner {
  /// Its own number.
  public var rawDescriptor: Int32 { raw }
}

extension Pidfd: DescriptorOwner {
  /// The number of the pidfd.
  public var rawDescriptor: Int32 { descriptor.raw }
}

extension UnixSocket: DescriptorOwner {
  /// The number of the socket.
  public var rawDescriptor: Int32 { descriptor.raw }
}

extension SignalQueue: DescriptorOwner {
  /// The number of the signalfd.
  public var rawDescriptor: Int32 { descriptor.raw }
}

/// A descriptor that the loop watches, and its owner: the two cannot come apart.
///
/// It is always taken out of epoll before it is closed. A close alone does not do it: while a launch is between
/// clone and exec the child holds a copy of every descriptor, the registration lives on, and the loop spins.
@LoopActor public struct Watched<Owner: DescriptorOwner & ~Copyable>: ~Copyable {
  /// What owns the descriptor.
  public let owner: Owner
  private var registration: Loop.Registration?
  private var interest: Readiness

  /// Watches the descriptor for `interest` from now on and tells `source`.
  public init(
    _ owner: consuming Owner, tag: Int, for interest: Readiness = .readable, source: any EventSource
  ) throws(SystemError) {
    registration = try Loop.shared.register(owner.rawDescriptor, tag: tag, interest: interest, source: source)
    self.owner = owner
    self.interest = interest
  }

  deinit {
    if registration != nil { fatalError("a watched descriptor was dropped without close()") }
  }

  /// Changes what is waited for.
  public mutating func setInterest(_ interest: Readiness) {
    guard let registration, interest != self.interest else { return }
    self.interest = interest
    Loop.shared.change(registration, owner.rawDescriptor, interest: interest)
  }

  /// Hears no more of it, but keeps it open.
  public mutating func mute() {
    if let registration { Loop.shared.unregister(registration, owner.rawDescriptor) }
    registration = nil
  }

  /// Stops watching, then closes.
  public consuming func close() { mute() }
}
