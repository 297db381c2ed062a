import Model
import Supervision
import Support
import Testing

/// Who is let in, in what order.
@Suite(.tags(.small))
struct AdmissionTests {
  /// Runs by number, so that they can be told apart.
  private func run(_ number: Int) -> RunID {
    var source = IdentifierSource<RunSubject>()
    return source.next(at: Int64(number))
  }

  private final class Names {
    var known: [RunID: Int] = [:]
  }

  /// Lets seats in; by their numbers.
  private func admit(
    _ admission: inout Admission, _ runs: [Int: RunID], ready: (Int) -> Bool = { _ in true }
  ) -> [Int] {
    let numbers = Dictionary(uniqueKeysWithValues: runs.map { ($1, $0) })
    return admission.admit { seat in numbers[seat.run].map(ready) ?? false }.compactMap { numbers[$0.run] }
  }

  private func fill(
    _ admission: inout Admission, _ count: Int, plugin: (Int) -> String = { _ in "a" },
    directory: (Int) -> UInt64? = { _ in nil }
  ) -> [Int: RunID] {
    var runs: [Int: RunID] = [:]
    for number in 1...count {
      let id = run(number)
      runs[number] = id
      let place = directory(number).map { Admission.DirectoryName(device: 1, inode: $0) }
      admission.enter(Admission.Seat(run: id, plugin: plugin(number), directory: place))
    }
    return runs
  }

  // M10
  @Test
  func `so many are let in, the others wait in order, and each that leaves makes room for the next`() throws {
    var admission = Admission(total: 2)
    let runs = fill(&admission, 5)
    #expect(admit(&admission, runs) == [1, 2])
    #expect(admission.waiting == 3)
    let (third, fifth) = (try #require(runs[3]), try #require(runs[5]))
    #expect(admission.position(of: third) == 1 && admission.position(of: fifth) == 3)
    #expect(admit(&admission, runs) == [])
    admission.leave(try #require(runs[1]))
    #expect(admit(&admission, runs) == [3])
    // One that waits may give up; those behind it move up.
    admission.leave(try #require(runs[4]))
    #expect(admission.position(of: fifth) == 1 && admission.position(of: third) == nil)
    // To leave twice frees nothing twice.
    admission.leave(try #require(runs[1]))
    #expect(admit(&admission, runs) == [])
  }

  @Test
  func `without a limit all are let in`() {
    var admission = Admission(total: nil)
    let runs = fill(&admission, 100)
    #expect(admit(&admission, runs).count == 100)
  }

  @Test
  func `a plugin that has had its share holds up nobody else`() throws {
    var admission = Admission(total: 3, shares: ["a": 1])
    let runs = fill(&admission, 5) { $0 == 3 ? "b" : "a" }
    #expect(admit(&admission, runs) == [1, 3])
    admission.leave(try #require(runs[1]))
    #expect(admit(&admission, runs) == [2])
  }

  @Test
  func `a directory has one at a time, in order, and holds up nobody else`() throws {
    var admission = Admission(total: nil)
    let runs = fill(&admission, 5) { _ in
      "a"
    } directory: {
      $0 == 3 ? 8 : $0 == 5 ? nil : 7
    }
    #expect(admit(&admission, runs) == [1, 3, 5])
    let seven = Admission.DirectoryName(device: 1, inode: 7)
    #expect(
      admission.holder(of: seven) == runs[1] && admission.waiters(for: seven) == [runs[2], runs[4]].compactMap { $0 })
    admission.leave(try #require(runs[1]))
    #expect(admit(&admission, runs) == [2])
  }

  @Test
  func `nobody takes a directory for which another waited before, whatever that one waits for besides`() throws {
    var admission = Admission(total: nil)
    let runs = fill(&admission, 3) { _ in
      "a"
    } directory: { _ in
      7
    }
    // The first waits for something outside.
    #expect(admit(&admission, runs, ready: { $0 != 1 }) == [])
    #expect(admit(&admission, runs) == [1])
  }

  @Test
  func `who waits for something of its own holds up nobody else`() {
    var admission = Admission(total: 1)
    let runs = fill(&admission, 3)
    #expect(admit(&admission, runs, ready: { $0 != 1 }) == [2])
    #expect(admission.waiting == 2)
  }
}
