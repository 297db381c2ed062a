internal import Kernel
internal import Ledger
public import Model
public import Wire

/// The host that owns a run, reached over its socket; for whoever may wait.
public final class Owner {
  private let client: HostClient

  private init(_ client: HostClient) { self.client = client }

  /// Connects to the owner of a run. What a dead one left open is settled first; then there is nobody to talk to, and
  /// the answer is nil.
  public static func of(_ run: RunRecord, in state: StateFolder) throws(HostError) -> Owner? {
    guard let host = try living(run, in: state) else { return nil }
    return Owner(try HostClient(folder: host.sockets, host: run.host))
  }

  /// The same for whoever talks to it from a loop: a descriptor that does not block, and is the caller's.
  static func connect(to run: RunRecord, in state: StateFolder) throws(HostError) -> Int32? {
    guard let host = try living(run, in: state) else { return nil }
    return try HostClient.connect(folder: host.sockets, host: run.host).intoDescriptor().relinquish()
  }

  private static func living(_ run: RunRecord, in state: StateFolder) throws(HostError) -> HostRecord? {
    if let host = try record(of: run.host, in: state), Death.Signs(of: host, in: state).isAlive { return host }
    try Recoverer(state: state) { _ in }.recover(run.host)
    return nil
  }

  /// What the ledger has of a host.
  static func record(of host: HostID, in state: StateFolder) throws(HostError) -> HostRecord? {
    do throws(LedgerError) {
      return try LedgerReader.open(in: state.root)?.host(host)
    } catch {
      throw HostError(.ledgerUnavailable, error.message)
    }
  }

  /// Whether a host holds its lock. One that does not is dead, but for very odd accidents, which recovery tells apart.
  public static func isLocked(_ host: HostID, in state: StateFolder) -> Bool { Death.Signs.isLocked(host, in: state) }

  /// Whether a host lives, by all that can be seen of it: a lock file that is missing or another proves nothing.
  public static func isAlive(_ host: HostRecord, in state: StateFolder) -> Bool {
    Death.Signs(of: host, in: state).isAlive
  }

  /// Calls a method and waits for its answer.
  public func call(_ method: String, _ params: JSON, within patience: TimeSpan? = HostClient.patience) throws -> JSON {
    try client.call(method, params, within: patience)
  }

  /// The next message; nil when the host has closed the connection.
  public func next() throws -> [UInt8]? { try client.next() }
}
