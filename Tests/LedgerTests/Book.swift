import Glibc
import Kernel
import Loop
import Model
import Support
import Testing

@testable import Ledger

/// A ledger in a folder of its own, and what a host says to it.
final class Book {
  let folder: TemporaryDirectory
  let host: HostRecord
  private let hosts: TemporaryDirectory
  private let ledger: Ledger
  private var names = IdentifierSource<RunSubject>()
  private var received: [Ledger.Outcome] = []
  private var isClosed = false

  /// A new ledger; with a size, on a disk of its own that holds no more than that.
  init(bytes: Int? = nil) throws {
    folder = try TemporaryDirectory(bytes: bytes)
    host = makeHost()
    hosts = try TemporaryDirectory()
    ledger = try Ledger(folder: try folder.open(), hosts: try hosts.open(), host: host)
  }

  deinit { _ = close() }

  /// Ends the host; how many requests were left unwritten.
  func close() -> Int {
    if isClosed { return 0 }
    isClosed = true
    return ledger.close(host.id, at: now(), patience: .seconds(60)).unwritten
  }

  func send(_ request: Ledger.Request) { ledger.send(request) }

  /// All outcomes so far.
  var outcomes: [Ledger.Outcome] {
    var batch: [Ledger.Outcome] = []
    ledger.outcomes.take(&batch)
    received += batch
    return received
  }

  /// The outcomes, as soon as there are so many.
  func outcomes(_ count: Int) throws -> [String] {
    try eventually("fewer than \(count) outcomes") { outcomes.count >= count }
    return outcomes.map(\.word)
  }

  /// A run of this host that was just accepted.
  func run() -> RunRecord {
    let moment = now()
    var run = RunRecord(
      id: names.next(at: moment.milliseconds), plugin: "hello", host: host.id, created: moment, directory: "/tmp",
      prompt: "say “hello”\0\n", labels: JSONText(valid: "{}"), limits: JSONText(valid: "{}"))
    run.status = .starting
    return run
  }

  /// A second connection.
  func connect() throws -> Database {
    try Database(path: "\(folder.path)/\(LedgerFile.name)", mode: .existing)
  }

  /// The transitions of a run, oldest first, each as `from>to reason`.
  func transitions(_ run: RunID) throws -> [String] {
    let database = try connect()
    let statement = try Statement(
      database, parameters: 1,
      #"SELECT "from", "to", reason FROM transitions WHERE run = ? ORDER BY at, "from" IS NOT NULL"#)
    var found: [String] = []
    try statement.each(of: database, { $0.add(run.description) }) { row in
      found.append("\(row.text(0) ?? "")>\(row.text(1) ?? "") \(row.text(2) ?? "-")")
    }
    return found
  }

  /// The run as a reader sees it.
  func stored(_ run: RunID) throws -> RunRecord? {
    guard let reader = try LedgerReader.open(in: try folder.open()) else { return nil }
    return try reader.run(run)
  }
}

func now() -> Timestamp { Timestamp(milliseconds: Clock.wallMilliseconds()) }

func makeHost() -> HostRecord {
  var names = IdentifierSource<HostSubject>()
  return HostRecord(
    id: names.next(at: Clock.wallMilliseconds()), pid: getpid(), startTicks: 1, boot: "boot", version: "test",
    started: now(), lock: (device: .max, inode: 7), folder: (1, 2), sockets: "/run/reeve")
}

extension RunRecord {
  /// The same run with another status, as its owner would write it.
  func becoming(_ status: Status) -> RunRecord {
    var run = self
    run.status = status
    if status == .running { run.started = Timestamp(milliseconds: created.milliseconds + 10) }
    guard status.isTerminal else { return run }
    run.settled = Timestamp(milliseconds: created.milliseconds + 20)
    run.reason = Verdict.all.first { $0.status == status }?.reason
    run.output = JSONText(valid: #"{"a":[1,"“"]}"#)
    run.text = "the answer"
    run.error = status == .succeeded ? nil : "the cause"
    return run
  }

  /// The same run with everything that may still be learnt after its verdict.
  func buried() -> RunRecord {
    var run = self
    run.disposal = .gone
    run.gone = Timestamp(milliseconds: created.milliseconds + 30)
    run.flags = [.lingered, .exitMismatch]
    run.exit = .signal(15)
    run.usage = JSONText(valid: #"{"input_tokens":10}"#)
    run.cost = 0.25
    run.session = "abc"
    run.pid = 1234
    run.startTicks = 99
    (run.events, run.eventsStored, run.bytes, run.noise) = (12, 11, 2048, 1)
    return run
  }
}

extension Ledger.Outcome {
  /// The outcome without its data.
  var word: String {
    switch self {
    case .opened: "opened"
    case .lookedAround(let othersHaveRuns): "lookedAround \(othersHaveRuns)"
    case .notOpened(_, let error): "notOpened \(error.code)"
    case .notResumable(_, let refusal): "notResumable \(refusal.map { "\($0.run.status)" } ?? "-")"
    case .known(_, let run): "known \(run.status)"
    case .children(_, let runs): "children \(runs.count)"
    case .beaten: "beaten"
    case .unspilled: "unspilled"
    case .changed(_, let status, _): "changed \(status)"
    case .updated: "updated"
    case .refused(_, let error): "refused \(error.map { "\($0.code)" } ?? "-")"
    case .found(_, let run): "found \(run.map { "\($0.status)" } ?? "-")"
    case .notFound: "notFound"
    case .delayed(let error): "delayed \(error.code)"
    case .caughtUp: "caughtUp"
    }
  }
}
