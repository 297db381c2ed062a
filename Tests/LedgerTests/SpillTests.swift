import Glibc
import Kernel
import Model
import Support
import Testing

@testable import Ledger

/// What a host kept aside is understood by the Reeve that finds it, also by a later one.
@Suite(.tags(.medium))
struct SpillTests {
  private func write(_ spill: OldSpill, of host: HostID, in place: borrowing TemporaryDirectory) throws {
    _ = TestFile.write(spill.bytes, to: "\(place.path)/\(Spill.name(of: host))")
  }

  @Test
  func `the verdict in a spill of version 4 is recorded, with nothing where later columns are`() throws {
    let book = try Book()
    let place = try TemporaryDirectory()
    let run = book.run()
    book.send(.open(run))
    #expect(try book.outcomes(1) == ["opened"])
    #expect(book.close() == 0)
    var judged = run.becoming(.failed).buried()
    judged.containment = .subreaper
    judged.leftovers = JSONText(valid: "[]")
    (judged.memoryLimit, judged.cpuMilliseconds) = (1 << 30, 12)
    var spill = OldSpill(of: book.host)
    spill.append(judged, from: .starting, evidence: #"{"exit":7}"#)
    try write(spill, of: book.host.id, in: place)

    let entries = try Spill.read(in: try place.open(), host: book.host.id)
    var host: HostRecord?
    if case .host(let found)? = entries.first { host = found }
    #expect(host?.id == book.host.id && host?.boot == "boot" && host?.sockets == "/run/reeve")
    #expect(try Recovery(folder: try book.folder.open()).replay(entries) == 1)
    var stored = try #require(try book.stored(run.id))
    // What the ledger alone says.
    stored.isResumable = judged.isResumable
    #expect(stored == judged)
    #expect(stored.environment == nil && stored.cumulative == nil)
  }

  @Test(arguments: [3, Int64(Schema.migrations.count) + 1])
  func `a spill of a version that is not known is an error, and nothing of it is taken`(version: Int64) throws {
    let place = try TemporaryDirectory()
    let host = makeHost()
    try write(OldSpill(of: host, version: version), of: host.id, in: place)
    let error = #expect(throws: SystemError.self) { try Spill.read(in: try place.open(), host: host.id) }
    #expect(error?.code == EPROTO)
  }

  @Test(arguments: RunColumns.oldestVersion...Schema.migrations.count)
  func `what a spill of each version holds is what the ledger of that version had`(version: Int) throws {
    let place = try TemporaryDirectory()
    try LedgerFile.prepare(in: try place.open(), migrations: Array(Schema.migrations.prefix(version)))
    let database = try Database(path: "\(place.path)/\(LedgerFile.name)", mode: .existing)
    func columns(_ table: String) throws -> Set<String> {
      let statement = try Statement(database, parameters: 1, "SELECT name FROM pragma_table_info(?)")
      var names: Set<String> = []
      try statement.each(of: database, { $0.add(table) }) { row in names.insert(row.text(0) ?? "") }
      return names
    }
    // Who resumes a run the ledger alone says, and where it keeps texts; and a host of itself when it beats and ends.
    let own = ["resumed_by"] + (version < 6 ? [] : Array(RunColumns.shared.values))
    #expect(try columns("runs") == Set(RunColumns.written(in: version) + own))
    #expect(try columns("hosts") == Set(HostColumns.written + ["heartbeat", "memory", "ended"]))
  }
}
