import Kernel
import Model
import Support
import Testing

@testable import Ledger

@Suite(.tags(.medium), .timeLimit(.minutes(5)))
struct LedgerTests {
  @Test(arguments: Status.terminal)
  func `a run is written from its start to every end, each step with one line of history`(end: Status) throws {
    let book = try Book()
    let run = book.run()
    let verdict = run.becoming(.running).becoming(end)
    book.send(.open(run))
    book.send(.change(run.becoming(.running), from: .starting, evidence: nil))
    book.send(.change(verdict, from: .running, evidence: "the kernel said so"))
    book.send(.find(run.id, ticket: 17))
    #expect(try book.outcomes(4) == ["opened", "changed running", "changed \(end)", "found \(end)"])
    guard case .found(17, let found?) = book.outcomes[3] else {
      Issue.record("\(book.outcomes[3])")
      return
    }
    #expect(found == verdict)
    #expect(try book.stored(run.id) == verdict)
    let steps = [">starting -", "starting>running -", "running>\(end.rawValue) \(verdict.reason ?? "-")"]
    #expect(try book.transitions(run.id) == steps)
  }

  @Test
  func `facts are written after the verdict, and the verdict stays as it was given`() throws {
    let book = try Book()
    let run = book.run()
    let verdict = run.becoming(.failed)
    book.send(.open(run))
    book.send(.change(verdict, from: .starting, evidence: nil))
    var facts = verdict.buried()
    // Whatever the host may have made of it since: only facts are written.
    (facts.status, facts.reason, facts.text, facts.output, facts.error) = (.succeeded, nil, "another", nil, nil)
    facts.settled = nil
    book.send(.facts(facts))
    #expect(try book.outcomes(3) == ["opened", "changed failed", "updated"])
    var expected = verdict.buried()
    // It is over, and its agent has named a session.
    expected.isResumable = true
    #expect(try book.stored(run.id) == expected)
    #expect(try book.transitions(run.id).count == 2)
  }

  @Test
  func `a change by another host, from another status or of no run is refused and changes nothing`() throws {
    let book = try Book()
    let run = book.run()
    book.send(.open(run))
    var stolen = run.becoming(.cancelled)
    stolen.host = makeHost().id
    book.send(.change(stolen, from: .starting, evidence: nil))
    book.send(.facts(stolen.buried()))
    book.send(.change(run.becoming(.cancelled), from: .running, evidence: nil))
    book.send(.change(book.run().becoming(.running), from: .starting, evidence: nil))
    book.send(.find(book.run().id, ticket: 0))
    let words = ["opened", "refused -", "refused -", "refused -", "refused -", "found -"]
    #expect(try book.outcomes(6) == words)
    #expect(try book.stored(run.id) == run)
    #expect(try book.transitions(run.id) == [">starting -"])
  }

  @Test
  func `what the schema forbids is refused alone, and the rest of its batch is written`() throws {
    let book = try Book()
    let (first, second) = (book.run(), book.run())
    let writer = try book.connect()
    // All of it waits for this, and so is one batch.
    try writer.execute("BEGIN IMMEDIATE")
    book.send(.open(first))
    book.send(.change(first.becoming(.failed), from: .starting, evidence: nil))
    book.send(.change(first.becoming(.succeeded), from: .failed, evidence: nil))
    book.send(.open(first))
    book.send(.open(second))
    try writer.execute("COMMIT")
    let words = ["opened", "changed failed", "refused forbidden", "notOpened forbidden", "opened"]
    #expect(try book.outcomes(5) == words)
    #expect(try book.stored(first.id) == first.becoming(.failed))
    #expect(try book.stored(second.id) == second)
    #expect(try book.transitions(first.id) == [">starting -", "starting>failed spawn"])
  }

  @Test
  func `nothing is lost and no error is seen while another program holds the ledger for a second`() throws {
    let book = try Book()
    let run = book.run()
    let writer = try book.connect()
    try writer.execute("BEGIN IMMEDIATE")
    book.send(.open(run))
    book.send(.change(run.becoming(.lost), from: .starting, evidence: nil))
    let began = Clock.now()
    try eventually { Clock.now() - began >= .seconds(1) }
    #expect(book.outcomes.isEmpty)
    try writer.execute("COMMIT")
    #expect(try book.outcomes(2) == ["opened", "changed lost"])
    #expect(try book.stored(run.id)?.status == .lost)
  }

  @Test
  func `a thousand requests at once are answered in their order`() throws {
    let book = try Book()
    let runs = (0..<500).map { _ in book.run() }
    for run in runs {
      book.send(.open(run))
      book.send(.change(run.becoming(.succeeded), from: .starting, evidence: nil))
    }
    _ = try book.outcomes(1000)
    var answered: [String] = []
    for outcome in book.outcomes {
      switch outcome {
      case .opened(let id, _): answered.append("opened \(id)")
      case .changed(let id, let status, _): answered.append("\(status) \(id)")
      default: Issue.record("\(outcome)")
      }
    }
    #expect(answered == runs.flatMap { ["opened \($0.id)", "succeeded \($0.id)"] })
  }

  @Test
  func `what was sent before the end is written before the end, and the log is folded in`() throws {
    let book = try Book()
    let run = book.run()
    book.send(.open(run))
    book.send(.change(run.becoming(.succeeded), from: .starting, evidence: nil))
    #expect(book.close() == 0)
    #expect(try book.folder.open().status(of: "ledger.db-wal") == nil)
    let database = try book.connect()
    #expect(try database.number("SELECT count(*) FROM hosts WHERE ended IS NOT NULL") == 1)
    #expect(try book.stored(run.id)?.status == .succeeded)
  }

  @Test
  func `a full disk refuses a new run at once, and keeps a verdict until there is room again`() throws {
    let book: Book
    do {
      book = try Book(bytes: 1 << 20)
    } catch let error as SystemError where error.call.description == "mount" {
      skip("a full disk: this user may not mount one (\(error))")
      return
    }
    let (run, later) = (book.run(), book.run())
    book.send(.open(run))
    #expect(try book.outcomes(1) == ["opened"])
    try fill(book.folder.path)

    book.send(.change(run.becoming(.succeeded), from: .starting, evidence: nil))
    #expect(try book.outcomes(2) == ["opened", "delayed full"])
    book.send(.open(later))
    book.send(.find(run.id, ticket: 1))
    #expect(try book.outcomes(4) == ["opened", "delayed full", "notOpened full", "notFound"])

    try book.folder.open().remove("filler")
    #expect(try book.outcomes(6).suffix(2) == ["changed succeeded", "caughtUp"])
    #expect(try book.stored(run.id) == run.becoming(.succeeded))
    #expect(try book.stored(later.id) == nil)
    #expect(try book.transitions(run.id).count == 2)
    book.send(.open(later))
    #expect(try book.outcomes(7).last == "opened")
  }

  /// Leaves no room on the disk that this folder is.
  private func fill(_ path: String) throws {
    let filler = try Directory.open(path).openFile("filler", flags: 0o101)
    for size in [1 << 12, 1] {
      let piece = [UInt8](repeating: 0, count: size)
      while let count = try? filler.write(piece.span.bytes), count > 0 {}
    }
  }
}
