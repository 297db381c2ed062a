/// Why a host cannot do what it was asked.
public struct HostError: Error, Sendable, CustomStringConvertible {
  /// What kind of trouble it is.
  public enum Code: Sendable {
    /// The state folder cannot be used.
    case badState
    /// The ledger does not take a new run.
    case ledgerUnavailable
    /// The host is stopping.
    case stopping
    /// The system refused something that a host cannot do without.
    case system
  }

  /// What kind of trouble it is.
  public let code: Code
  /// What happened and what to do, for people.
  public let message: String

  /// Trouble of this kind.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
