internal import Host
internal import Kernel
internal import Ledger
internal import Loop
internal import Model
internal import Synchronization

/// Finds runs in the ledger for commands that own none.
struct RunLookup: ~Copyable {
  let state: StateFolder
  private let reader: LedgerReader?
  private let recovery: Recovering?

  /// Opens the ledger, and has what dead hosts left open settled: a listing never shows what is no more. It waits a
  /// moment for that and no longer; `finish` waits for the rest.
  init(_ surroundings: Surroundings) throws {
    let state = try surroundings.state()
    let reader = try Self.open(state)
    recovery = try Recovering(state, ifNeededBy: reader)
    self.state = state
    self.reader = reader
  }

  /// Waits until what dead hosts left is dealt with, as far as it can be; false when that takes too long.
  @discardableResult
  func finish() -> Bool { recovery?.finish() ?? true }

  private static func open(_ state: StateFolder) throws(CommandFailure) -> LedgerReader? {
    do throws(LedgerError) {
      guard let reader = try LedgerReader.open(in: state.root) else { return nil }
      if let notice = reader.notice { Terminal.complain(notice) }
      return reader
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

  /// Whether the host that owns a run lives.
  func isHostAlive(of run: RunRecord) -> Bool {
    let host: HostRecord?? =
      switch reader {
      case .some(let reader): try? reader.host(run.host)
      case .none: nil
      }
    guard let host, let host else { return Owner.isLocked(run.host, in: state) }
    return Owner.isAlive(host, in: state)
  }

  /// How a run came to be what it is.
  func transitions(of run: RunID) throws -> [Transition] {
    switch reader {
    case .some(let reader):
      do {
        return try reader.transitions(of: run)
      } catch {
        throw CommandFailure(.trouble, error.message)
      }
    case .none: return []
    }
  }
}

/// What dead hosts left, being settled on a thread of its own while a command goes on.
private final class Recovering: Sendable {
  /// How long a listing waits for it.
  private static let patience = TimeSpan.milliseconds(200)
  /// How long the command waits before it exits: for what will not die, no longer than a burial takes.
  private static let lastPatience = TimeSpan.seconds(5)

  private let done: Port<Void>
  private let isDone = Atomic<Bool>(false)

  /// Nil when there is nothing to settle.
  init?(_ state: StateFolder, ifNeededBy reader: borrowing LedgerReader?) throws {
    let isNeeded: Bool
    switch reader {
    case .some(let reader):
      // A ledger that cannot be read says so to whoever reads it next.
      let hosts = Set(((try? reader.liveRuns()) ?? []).map(\.host))
      isNeeded = hosts.contains { !Owner.isLocked($0, in: state) }
    case .none: isNeeded = false
    }
    done = try Port(blocking: true)
    guard isNeeded else { return nil }
    let done = done
    try Worker("recoverer") {
      // What cannot be settled now is shown as it is, and settled by whoever can.
      do { try Recoverer(state: state) { Terminal.complain($0) }.recover() } catch { Terminal.complain("\(error)") }
      done.send(())
    }.detach()
    wait(for: Self.patience)
  }

  func finish() -> Bool {
    wait(for: Self.lastPatience)
    return isDone.load(ordering: .relaxed)
  }

  private func wait(for patience: TimeSpan) {
    guard !isDone.load(ordering: .relaxed) else { return }
    var ends: [Void] = []
    done.take(&ends, for: patience)
    if !ends.isEmpty { isDone.store(true, ordering: .relaxed) }
  }
}
