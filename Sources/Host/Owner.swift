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
    guard isAlive(run.host, in: state) else {
      try Recoverer(state: state) { _ in }.recover(run.host)
      return nil
    }
    let folder: String
    do throws(LedgerError) {
      guard let host = try LedgerReader.open(in: state.root)?.host(run.host) else {
        throw LedgerError(.other, "the ledger does not know the host of run \(run.id)")
      }
      folder = host.sockets
    } catch {
      throw HostError(.ledgerUnavailable, error.message)
    }
    return Owner(try HostClient(folder: folder, host: run.host))
  }

  /// Whether a host lives. Its lock tells, not its age.
  public static func isAlive(_ host: HostID, in state: StateFolder) -> Bool {
    guard let probe = try? FileLock.probe(in: state.hosts, name: "\(host).lock") else { return true }
    if case .held = probe { return true }
    return false
  }

  /// Calls a method and waits for its answer.
  public func call(_ method: String, _ params: JSON) throws -> JSON { try client.call(method, params) }

  /// The next message; nil when the host has closed the connection.
  public func next() throws -> [UInt8]? { try client.next() }
}
