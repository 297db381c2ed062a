internal import Synchronization

/// The group that each user has by being that user. The user database is asked once for each: it may be another machine's,
/// and whoever wants to know is on the loop.
final class PrimaryGroups: Sendable {
  private let known = Mutex<[UInt32: UInt32]>([:])
  private let lookUp: @Sendable (UInt32) -> UInt32?

  init(_ lookUp: @escaping @Sendable (UInt32) -> UInt32?) { self.lookUp = lookUp }

  /// The group of a user; nil when nobody knows it, which is not remembered: the database may be out of reach for a moment.
  func group(of user: UInt32) -> UInt32? {
    if let group = known.withLock({ $0[user] }) { return group }
    // Nobody else waits for the database meanwhile.
    guard let group = lookUp(user) else { return nil }
    known.withLock { $0[user] = group }
    return group
  }
}
