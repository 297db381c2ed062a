import Kernel
import Model
import Support
import Testing

@testable import Ledger

/// Limits and names of variables, which most runs have in common: they are kept once.
@Suite(.tags(.medium), .timeLimit(.minutes(5)))
struct SharedTextTests {
  private func run(_ book: Book, limits: String, environment: String?) throws -> RunRecord {
    var run = book.run()
    run.limits = JSONText(valid: limits)
    run.environment = environment.map { JSONText(valid: $0) }
    book.send(.open(run))
    return run
  }

  @Test
  func `runs with the same limits and variables keep them once, and each has its own`() throws {
    let book = try Book()
    var runs: [RunRecord] = []
    for _ in 0..<3 { runs.append(try run(book, limits: #"{"wall":"1s"}"#, environment: #"{"passed":["A"]}"#)) }
    runs.append(try run(book, limits: #"{"wall":"2s"}"#, environment: #"{"passed":["A"]}"#))
    runs.append(try run(book, limits: #"{"wall":"1s"}"#, environment: nil))
    #expect(try book.outcomes(5).allSatisfy { $0 == "opened" })
    for run in runs {
      let stored = try #require(try book.stored(run.id))
      #expect(stored.limits == run.limits && stored.environment == run.environment)
    }
    #expect(try book.connect().number("SELECT count(*) FROM texts") == 3)
    let listed = try LedgerReader.open(in: try book.folder.open())?.allRuns(limit: 9) ?? []
    #expect(listed.map { $0.limits } == runs.reversed().map { $0.limits })
  }

  @Test
  func `a row that an older host wrote has them in itself, and is read like any other`() throws {
    let book = try Book()
    let database = try book.connect()
    let names = ["id", "limits", "environment"]
    #expect(try book.outcomes(0).isEmpty)
    var old = IdentifierSource<RunSubject>()
    let id = old.next(at: 1)
    try database.execute(
      """
      INSERT INTO runs (\(names.joined(separator: ", ")), host, plugin, status, disposal, flags, created, directory, prompt,
        labels, events, events_stored, bytes, noise)
      SELECT '\(id)', '{"wall":"3s"}', '{"passed":["B"]}', id, 'hello', 'starting', 'none', '', 1, '/', '', '{}', 0, 0, 0, 0
      FROM hosts
      """)
    let stored = try #require(try book.stored(id))
    #expect(stored.limits.text == #"{"wall":"3s"}"# && stored.environment?.text == #"{"passed":["B"]}"#)
  }

  @Test
  func `texts are their host's, and go when it is forgotten with all its runs`() throws {
    let book = try Book()
    let run = try run(book, limits: #"{"wall":"1s"}"#, environment: #"{"passed":["A"]}"#)
    let verdict = run.becoming(.succeeded)
    book.send(.change(verdict, from: .starting, evidence: nil))
    book.send(.facts(verdict.buried()))
    _ = try book.outcomes(3)
    #expect(book.close() == 0)
    let archive = try Archive(folder: book.folder.open())
    let later = Timestamp(milliseconds: now().milliseconds + 1000)
    #expect(try archive.forgetHosts(before: later) == 0)
    #expect(try book.stored(run.id)?.limits == run.limits)
    #expect(try archive.delete(run.id) == .deleted)
    #expect(try archive.forgetHosts(before: later) == 1)
    #expect(try book.connect().number("SELECT count(*) FROM texts") == 0)
  }

  @Test
  func `what is kept is looked for among the newest alone, and right whatever there was before`() throws {
    let book = try Book()
    var runs: [RunRecord] = []
    for number in 0..<40 { runs.append(try run(book, limits: #"{"wall":"\#(number)s"}"#, environment: nil)) }
    for number in [39, 25, 0] { runs.append(try run(book, limits: #"{"wall":"\#(number)s"}"#, environment: nil)) }
    #expect(try book.outcomes(43).allSatisfy { $0 == "opened" })
    for run in runs { #expect(try book.stored(run.id)?.limits == run.limits) }
    #expect(try book.connect().number("SELECT count(*) FROM texts") == 41)
  }
}
