import Model
import Supervision
import Support
import Testing

/// Whose an orphan is, row by row.
@Suite(.tags(.small))
struct KinshipTests {
  static let (a, b, gone) = names()

  private static func names() -> (RunID, RunID, RunID) {
    var source = IdentifierSource<RunSubject>()
    return (source.next(at: 1), source.next(at: 2), source.next(at: 3))
  }

  static let early = Kinship.Household(run: a, leader: 100, since: 1000)
  static let late = Kinship.Household(run: b, leader: 200, since: 2000)

  struct Row: Sendable, CustomTestStringConvertible {
    var what: String
    var session: Int32 = 999
    var started: UInt64 = 3000
    var origin = Kinship.Origin.unmarked
    var households = [early, late]
    var claim: Kinship.Claim
    var testDescription: String { what }
  }

  static let rows: [Row] = [
    Row(what: "its session tells", session: 200, claim: .one(b)),
    Row(what: "where it was seen tells more than its session", session: 200, origin: .run(a), claim: .one(a)),
    Row(what: "the sign of a run that is no more", origin: .run(gone), claim: .nobody),
    Row(what: "without a sign it may be anybody's", claim: .shared([a, b])),
    Row(what: "nobody has looked yet", origin: .unexplored, claim: .pending([a, b])),
    Row(what: "it began before one of them did", started: 1500, claim: .shared([a])),
    Row(what: "it began before all of them", started: 500, claim: .nobody),
    Row(what: "there is but one run", origin: .unexplored, households: [early], claim: .one(a)),
    Row(what: "there is no run", origin: .unexplored, households: [], claim: .nobody),
    Row(
      what: "a launch is under way, and its program may be quicker than its news", origin: .unexplored,
      households: [Kinship.Household(run: a, leader: nil, since: 0)], claim: .one(a)),
  ]

  @Test(arguments: rows)
  func `an orphan belongs to whom the strongest evidence names`(row: Row) {
    let claim = Kinship.claim(
      session: row.session, started: row.started, origin: row.origin, households: row.households)
    #expect(claim == row.claim)
  }
}
