public import Model

/// Whose an orphan is.
///
/// A process that loses its parent becomes its host's child, and says no more where it came from. This finds out, from
/// the strongest evidence to the weakest: where it was seen before, whose session it is in, whose control group, whose
/// marker is in its environment. What is left then belongs to all the runs that lived when it began, and goes with the
/// last of them.
public enum Kinship {
  /// A run that still has processes to answer for.
  public struct Household: Hashable, Sendable {
    /// The run.
    public var run: RunID
    /// Its leader, which is also the name of its session; nil while its launch is under way.
    public var leader: Int32?
    /// When its leader began, in ticks since boot; 0 while that is not known.
    public var since: UInt64

    /// The household of this leader.
    public init(run: RunID, leader: Int32?, since: UInt64) {
      self.run = run
      self.leader = leader
      self.since = since
    }
  }

  /// What is known of a process beyond what its number tells.
  public enum Origin: Hashable, Sendable {
    /// Nobody has looked yet.
    case unexplored
    /// It carries no sign.
    case unmarked
    /// It was seen below this run's leader, or carries its sign.
    case run(RunID)
  }

  /// Whose it is.
  public enum Claim: Hashable, Sendable {
    /// This run's alone.
    case one(RunID)
    /// Maybe one of these runs', which wait until somebody has looked closer.
    case pending([RunID])
    /// Nobody can tell which of these runs', so the last of them has to see to it.
    case shared([RunID])
    /// Of a run that is no more.
    case nobody
  }

  /// Finds whose an orphan is that began at this time and is in this session.
  public static func claim(
    session: Int32, started: UInt64, origin: Origin, households: [Household]
  ) -> Claim {
    if case .run(let run) = origin {
      return households.contains { $0.run == run } ? .one(run) : .nobody
    }
    if let household = households.first(where: { $0.leader == session }) { return .one(household.run) }
    let candidates = households.filter { $0.since <= started }.map(\.run)
    if candidates.isEmpty { return .nobody }
    if candidates.count == 1 && households.count == 1 { return .one(candidates[0]) }
    return origin == .unexplored ? .pending(candidates) : .shared(candidates)
  }
}
