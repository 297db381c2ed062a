internal import Host
internal import Kernel
internal import Ledger
internal import Model

/// Finds runs in the ledger for commands that own none.
struct RunLookup: ~Copyable {
  let state: StateFolder
  private let reader: LedgerReader?

  init(_ surroundings: Surroundings) throws {
    let state = try surroundings.state()
    let reader = try Self.open(state)
    self.state = state
    self.reader = reader
  }

  private static func open(_ state: StateFolder) throws(CommandFailure) -> LedgerReader? {
    do throws(LedgerError) {
      return try LedgerReader.open(in: state.root)
    } catch {
      throw CommandFailure(.trouble, error.message)
    }
  }

  /// The run that a person named, by any unique beginning of its name.
  func run(_ typed: String) throws -> RunRecord {
    let prefix = typed.lowercased()
    guard IdentifierText.isPrefix(prefix) else { throw CommandFailure(.usage, "“\(typed)” is no name of a run") }
    let found = try list { reader throws(LedgerError) in try reader.runs(beginning: prefix, limit: 2) }
    guard let run = found.first else { throw CommandFailure(.usage, "there is no run “\(typed)”") }
    guard found.count == 1 else {
      throw CommandFailure(.usage, "“\(typed)” may be \(found[0].id) or \(found[1].id) or another; type more of it")
    }
    return run
  }

  func liveRuns() throws -> [RunRecord] { try list { reader throws(LedgerError) in try reader.liveRuns() } }

  func allRuns(limit: Int) throws -> [RunRecord] {
    try list { reader throws(LedgerError) in try reader.allRuns(limit: limit) }
  }

  private func list(_ read: (borrowing LedgerReader) throws(LedgerError) -> [RunRecord]) throws -> [RunRecord] {
    switch reader {
    case .some(let reader):
      do {
        return try read(reader)
      } catch {
        throw CommandFailure(.trouble, error.message)
      }
    case .none: return []
    }
  }

  /// Whether the host that owns a run lives. Its lock tells, not its age.
  func isHostAlive(of run: RunRecord) -> Bool {
    guard let probe = try? FileLock.probe(in: state.hosts, name: "\(run.host).lock") else { return true }
    if case .held = probe { return true }
    return false
  }

  /// A connection to the host that owns a run.
  func owner(of run: RunRecord) throws -> HostClient {
    guard isHostAlive(of: run) else {
      throw CommandFailure(.trouble, "the host of run \(run.id) has died; the run cannot be reached")
    }
    let folder = try sockets(of: run)
    do {
      return try HostClient(folder: folder, host: run.host)
    } catch {
      throw CommandFailure(.trouble, "the host \(run.host) of run \(run.id) cannot be reached: \(error)")
    }
  }

  private func sockets(of run: RunRecord) throws -> String {
    switch reader {
    case .some(let reader):
      do {
        if let folder = try reader.sockets(of: run.host) { return folder }
      } catch {
        throw CommandFailure(.trouble, error.message)
      }
    case .none: break
    }
    throw CommandFailure(.trouble, "the ledger does not know the host of run \(run.id)")
  }
}
