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
  func `a text that no run has any more is forgotten, and is there again for the next that has it`() throws {
    let book = try Book()
    let gone = try run(book, limits: #"{"wall":"1s"}"#, environment: #"{"passed":["A"]}"#)
    let left = try run(book, limits: #"{"wall":"2s"}"#, environment: #"{"passed":["A"]}"#)
    let verdict = gone.becoming(.succeeded)
    book.send(.change(verdict, from: .starting, evidence: nil))
    book.send(.facts(verdict.buried()))
    _ = try book.outcomes(4)
    let archive = try Archive(folder: book.folder.open())
    try archive.forgetTexts()
    #expect(try book.connect().number("SELECT count(*) FROM texts") == 3)
    #expect(try archive.delete(gone.id) == .deleted)
    try archive.forgetTexts()
    #expect(try book.connect().number("SELECT count(*) FROM texts") == 2)
    #expect(try book.stored(left.id)?.limits == left.limits)
    let again = try run(book, limits: #"{"wall":"1s"}"#, environment: nil)
    _ = try book.outcomes(5)
    #expect(try book.stored(again.id)?.limits == again.limits)
  }
}
