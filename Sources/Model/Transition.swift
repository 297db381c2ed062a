/// A change of a run's status, as the ledger keeps it.
public struct Transition: Hashable, Sendable {
  /// When it happened.
  public let at: Timestamp
  /// What the status was; nil at the beginning.
  public let from: String?
  /// What it became.
  public let to: String
  /// Why, for a terminal one.
  public let reason: String?
  /// The host that the run belonged to.
  public let host: String
  /// What it rests on, as a JSON object.
  public let evidence: JSONText?

  /// A change that was read from the ledger.
  public init(at: Timestamp, from: String?, to: String, reason: String?, host: String, evidence: JSONText?) {
    self.at = at
    self.from = from
    self.to = to
    self.reason = reason
    self.host = host
    self.evidence = evidence
  }
}
