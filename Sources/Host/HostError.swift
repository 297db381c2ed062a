public import Model
public import Plugins

/// Why a host cannot do what it was asked.
public struct HostError: Error, Sendable, CustomStringConvertible {
  /// What kind of trouble it is, with what a program needs to know of it.
  public enum Code: Hashable, Sendable {
    /// The state folder cannot be used.
    case badState
    /// The ledger does not take a new run.
    case ledgerUnavailable
    /// The host is stopping.
    case stopping
    /// The system refused something that a host cannot do without.
    case system
    /// There is no such run.
    case runNotFound
    /// The run may not be resumed: the status that stands in the way, of the run itself or of the one that was quicker.
    case notResumable(Status, by: RunID?)
    /// A run that is not over has the directory.
    case directoryBusy(holder: RunID?)
    /// So many wait that no more can.
    case tooManyRuns(queued: Int)
    /// The client has made this request before, and this run came of it.
    case sameRequest(RunID)
    /// The client has given this name to another request, of which this run came.
    case keyConflict(RunID)
    /// The run is not over, or not buried.
    case notFinished(Status, Disposal)
    /// The host that owns the run lives and does not answer. Nothing was changed.
    case ownerUnreachable(HostID)
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

  /// The same without secrets in its words.
  public func masked(by mask: SecretMask) -> HostError { HostError(code, mask.masked(message)) }

  /// The message.
  public var description: String { message }
}
