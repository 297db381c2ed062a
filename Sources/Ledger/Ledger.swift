public import Kernel
public import Loop
public import Model

/// The record of all runs, as a host writes it: one thread, one connection, what waits is committed together.
///
/// The loop sends requests and never waits; outcomes come back through `outcomes`, a whole batch with one wake-up.
/// A write that the disk refuses is kept and tried again until it is taken; only the row of a new run is not:
/// its outcome is the failure, because a run without a row is not started.
public final class Ledger: Sendable {
  /// What a host asks of its ledger.
  public enum Request: Sendable {
    /// Write the row of a new run.
    case open(RunRecord)
    /// Change its status from what its owner knows it to be.
    case change(RunRecord, from: Status, evidence: String?)
    /// Write the facts about its process.
    case facts(RunRecord)
    /// Read a run.
    case find(RunID, ticket: UInt64)
    /// Read the run whose request has this name.
    case findKey(String, ticket: UInt64)
    /// List the runs that were started inside a run and are not over.
    case children(RunID, ticket: UInt64)
    /// Look whether others than this host have runs of which something may still be there.
    case lookAround(HostID)
    /// Note that this host lives, and how much memory it has.
    case beat(HostID, Timestamp, memory: Int64)
  }

  /// What became of a request.
  public enum Outcome: Sendable {
    /// The row of the run was written.
    case opened(RunID, figures: JSONText?)
    /// It was not, and there is no such run.
    case notOpened(RunID, LedgerError)
    /// It was not, because the run that it was to resume may not be resumed; nil when there is no such run.
    case notResumable(RunID, ResumeRefusal?)
    /// It was not, because its client has named the request before, and this is the run of it.
    case known(RunID, RunRecord)
    /// The status of the run was changed to this; as it begins, what its agent had counted of its session before.
    case changed(RunID, Status, figures: JSONText?)
    /// The facts of the run were written.
    case updated(RunID)
    /// The row was not as its owner knew it, or its rules forbid the change. Nothing was written.
    case refused(RunID, LedgerError?)
    /// The run that was looked for.
    case found(ticket: UInt64, RunRecord?)
    /// The runs that were started inside a run and are not over.
    case children(ticket: UInt64, [RunRecord])
    /// What was asked for could not be looked for.
    case notFound(ticket: UInt64, LedgerError)
    /// Whether other hosts have runs of which something may still be there.
    case lookedAround(othersHaveRuns: Bool)
    /// It was noted that this host lives.
    case beaten
    /// What the ledger did not take could not be kept aside.
    case unspilled(String)
    /// The ledger does not take anything at the moment.
    case delayed(LedgerError)
    /// It takes everything again.
    case caughtUp
  }

  private enum Message: Sendable {
    case request(Request)
    case close(HostID, Timestamp)
  }

  /// How soon a refused batch is tried again, at first and at most.
  static let retryIntervals = TimeSpan.milliseconds(50)...TimeSpan.seconds(1)

  /// What people should be told about the file; nil when all is well.
  public let notice: String?
  /// Where the outcomes arrive; the loop watches it.
  public let outcomes: Port<Outcome>
  private let inbox: Port<Message>
  private let ended: Port<Void>
  private let backlog = Backlog()

  /// Opens the ledger of the state folder at `folder` and begins to write for this host, whose spill lies in `hosts`.
  public init(folder: borrowing Directory, hosts: borrowing Directory, host: HostRecord) throws(LedgerError) {
    notice = try LedgerFile.prepare(in: folder, own: host.id)
    let path = "\(folder.path)/\(LedgerFile.name)"
    let spills = hosts.path
    let begun: Port<Result<Void, LedgerError>>
    do {
      outcomes = try Port(blocking: false)
      inbox = try Port(blocking: true)
      ended = try Port(blocking: true)
      begun = try Port(blocking: true)
      let (inbox, outcomes, ended, backlog) = (inbox, outcomes, ended, backlog)
      try Worker("ledger") {
        Ledger.serve(
          path: path, host: host, spills: spills, backlog: backlog, begun: begun, inbox: inbox, outcomes: outcomes,
          ended: ended)
      }.detach()
    } catch {
      throw LedgerError(.cannotOpen, "the ledger \(path): \(error)")
    }
    var answers: [Result<Void, LedgerError>] = []
    begun.take(&answers)
    for answer in answers { try answer.get() }
  }

  /// Asks something. The order of requests is the order of their effects.
  public func send(_ request: Request) {
    if request.mustNotBeLost { backlog.noteSent() }
    inbox.send(.request(request))
  }

  /// Notes that the host ended and waits until everything is written, or until `patience` is over; what was not.
  public func close(_ host: HostID, at moment: Timestamp, patience: TimeSpan) -> Backlog.Remainder {
    inbox.send(.close(host, moment))
    var ends: [Void] = []
    ended.take(&ends, for: patience)
    return backlog.remainder
  }

  // MARK: - The thread

  private static func serve(
    path: String, host: HostRecord, spills: String, backlog: Backlog, begun: Port<Result<Void, LedgerError>>,
    inbox: Port<Message>, outcomes: Port<Outcome>, ended: Port<Void>
  ) {
    let clerk: Clerk
    do {
      let store = try Store(path: path)
      let spill = try makeSpill(in: spills, host: host)
      try store.open(host)
      clerk = Clerk(store: store, spill: spill, backlog: backlog)
    } catch {
      begun.send(.failure(error))
      return
    }
    begun.send(.success(()))
    work(clerk, inbox: inbox, outcomes: outcomes, ended: ended)
  }

  private static func makeSpill(in folder: String, host: HostRecord) throws(LedgerError) -> Spill {
    do {
      return try Spill(in: try Directory.open(folder), host: host)
    } catch {
      throw LedgerError(.cannotOpen, "there is no place for what the ledger may not take: \(error)")
    }
  }

  private static func work(
    _ clerk: consuming Clerk, inbox: Port<Message>, outcomes: Port<Outcome>, ended: Port<Void>
  ) {
    var messages: [Message] = []
    var interval = retryIntervals.lowerBound
    var closing: (host: HostID, at: Timestamp)?
    while true {
      inbox.take(&messages, for: clerk.isIdle ? nil : interval)
      for message in messages {
        switch message {
        case .request(let request): clerk.waiting.append(request)
        case .close(let host, let moment): closing = (host, moment)
        }
      }
      messages.removeAll(keepingCapacity: true)
      let succeeded = clerk.attempt { outcomes.send($0) }
      interval = succeeded ? retryIntervals.lowerBound : min(interval + interval, retryIntervals.upperBound)
      if let closing, succeeded {
        try? clerk.store.close(closing.host, at: closing.at)
        break
      }
    }
    // The connection is closed before anybody hears of it: the last one to close takes the log with it.
    clerk.leave()
    ended.send(())
  }
}

extension Ledger.Request {
  /// Whether it tells of something that has happened, and that nobody else would tell.
  var mustNotBeLost: Bool {
    switch self {
    case .change, .facts: true
    case .open, .find, .findKey, .children, .lookAround, .beat: false
    }
  }
}
