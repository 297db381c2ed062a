import Kernel
import Model
import Support
import Testing

@testable import Ledger

@Suite(.tags(.medium), .timeLimit(.minutes(5)))
struct LedgerReaderTests {
  /// A ledger with some runs, of which those at odd places are gone.
  private func makeRuns(_ count: Int) throws -> (book: Book, runs: [RunRecord]) {
    let book = try Book()
    let runs = (0..<count).map { _ in book.run() }
    for (index, run) in runs.enumerated() {
      book.send(.open(run))
      guard index % 2 == 1 else { continue }
      book.send(.change(run.becoming(.succeeded), from: .starting, evidence: nil))
      book.send(.facts(run.becoming(.succeeded).buried()))
    }
    _ = try book.outcomes(count + count / 2 * 2)
    return (book, runs)
  }

  private func read<Value>(_ book: Book, _ body: (borrowing LedgerReader) throws -> Value) throws -> Value {
    guard let reader = try LedgerReader.open(in: try book.folder.open()) else { throw NoLedger() }
    return try body(reader)
  }

  struct NoLedger: Error {}

  @Test
  func `where there is no ledger a reader finds none, and makes none`() throws {
    let place = try TemporaryDirectory()
    let isThere = try LedgerReader.open(in: try place.open()) != nil
    #expect(!isThere)
    #expect(try place.open().entries() == [])
  }

  @Test
  func `live runs are those of which something may still be there, newest first`() throws {
    let (book, runs) = try makeRuns(9)
    let live = try read(book) { try $0.liveRuns().map(\.id) }
    #expect(live == [8, 6, 4, 2, 0].map { runs[$0].id })
    let newest = try read(book) { try $0.allRuns(limit: 3).map(\.id) }
    #expect(newest == [8, 7, 6].map { runs[$0].id })
  }

  @Test
  func `a run is found by its whole name and by every beginning of it that no other has`() throws {
    let (book, runs) = try makeRuns(5)
    func found(_ prefix: String, limit: Int = 10) throws -> [RunID] {
      try read(book) { try $0.runs(beginning: prefix, limit: limit).map(\.id) }
    }
    for run in runs {
      let name = run.id.description
      #expect(try read(book) { try $0.run(run.id)?.id } == run.id)
      for length in 1...name.count {
        let prefix = String(name.prefix(length))
        #expect(try found(prefix) == runs.map(\.id).filter { $0.description.hasPrefix(prefix) })
      }
      #expect(try found(name) == [run.id])
    }
    let some = String(runs[0].id.description.prefix(3))
    #expect(try found(some, limit: 2) == [runs[0].id, runs[1].id])
    #expect(try found("zzz").isEmpty && found("'").isEmpty)
  }

  @Test
  func `listing live runs costs the same however long the history is`() throws {
    let (book, _) = try makeRuns(1)
    let database = try book.connect()
    let statement = try Statement(
      database, "EXPLAIN QUERY PLAN SELECT \(RunColumns.selection) FROM runs WHERE gone IS NULL ORDER BY id DESC")
    var plan: [String] = []
    try statement.each(of: database, { _ in }) { plan.append($0.text(3) ?? "") }
    #expect(plan.first?.contains("USING INDEX runs_live") == true, "\(plan)")
    // And each text that it shares with others is found by its number.
    #expect(
      plan.dropFirst().allSatisfy { $0.contains("USING INTEGER PRIMARY KEY") || $0.contains("SUBQUERY") }, "\(plan)")
  }

  @Test
  func `a reader tells where the sockets of a host lie, and cannot write`() throws {
    let (book, _) = try makeRuns(1)
    #expect(try read(book) { try $0.host(book.host.id)?.sockets } == "/run/reeve")
    #expect(try read(book) { try $0.host(makeHost().id)?.sockets } == nil)
    let database = try book.connect()
    try database.forbidWrites()
    let error = #expect(throws: LedgerError.self) { try database.execute("DELETE FROM hosts") }
    #expect(error?.code == .readOnly)
  }

  @Test
  func `every parameter of a statement is bound, or the process ends with a clear message`() async throws {
    let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let database = try Database(path: ":memory:", mode: .create)
      let statement = try Statement(database, parameters: 2, "SELECT ?, ?")
      try statement.run(on: database) { $0.add(Int64(1)) }
    }
    let text = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(text.contains("a statement has 2 parameters, 1 bound"))
  }

  // X10
  @Test
  func `a statement that does not say how many parameters it has is refused when it is prepared`() throws {
    let database = try Database(path: ":memory:", mode: .create)
    for (said, query) in [(0, "SELECT ?"), (2, "SELECT ?"), (1, "SELECT 1"), (1, "SELECT ?1, ?3")] {
      #expect(throws: LedgerError.self) { _ = try Statement(database, parameters: said, query).columnCount }
    }
    #expect(try Statement(database, parameters: 3, "SELECT ?1, ?3").columnCount == 2)
  }

  @Test
  func `every value is read as it was bound, also an empty text, a NUL and nothing`() throws {
    let database = try Database(path: ":memory:", mode: .create)
    let statement = try Statement(database, parameters: 7, "SELECT ?, ?, ?, ?, ?, ?, ?")
    var texts: [String?] = []
    var numbers: [Int64?] = []
    try statement.each(of: database) { binder in
      binder.add("")
      binder.add("a\0b“")
      binder.add(String?.none)
      binder.add(Int64.min)
      binder.add(Int64?.none)
      binder.add(0.1)
      binder.add(Double?.none)
    } _: { row in
      texts = (0..<3).map { row.text($0) }
      numbers = [row.integer(3), row.integer(4)]
      #expect(row.number(5) == 0.1 && row.number(6) == nil)
    }
    #expect(texts == ["", "a\0b“", nil] && numbers == [.min, nil])
  }
}
