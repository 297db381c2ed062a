import Support
import Synchronization
import Testing

@testable import Plugins

@Suite(.tags(.small))
struct PrimaryGroupsTests {
  private final class Database: Sendable {
    let asked = Mutex<[UInt32]>([])

    func group(of user: UInt32) -> UInt32? {
      asked.withLock { $0.append(user) }
      return user == 7 ? nil : user + 100
    }
  }

  @Test
  func `the user database is asked for a user once, and again only when it did not know`() {
    let database = Database()
    let groups = PrimaryGroups { database.group(of: $0) }
    for _ in 0..<3 {
      #expect(groups.group(of: 1) == 101 && groups.group(of: 0) == 100)
    }
    #expect(database.asked.withLock { $0 } == [1, 0])
    for _ in 0..<2 { #expect(groups.group(of: 7) == nil) }
    #expect(database.asked.withLock { $0 } == [1, 0, 7, 7])
  }
}
