import Support
import Testing

@testable import Model

@Suite(.tags(.small))
struct IdentifierTests {
  /// Randomness of a test's own: always the same word.
  struct Fixed: RandomNumberGenerator {
    let word: UInt64
    func next() -> UInt64 { word }
  }

  static let smallest = String(repeating: "0", count: 26)
  static let largest = "7" + String(repeating: "z", count: 25)

  @Test
  func `an identifier is 26 characters of the alphabet and reads back as itself`() {
    var source = IdentifierSource<RunSubject>()
    for millisecond in 0..<Int64(1000) {
      let made = source.next(at: millisecond * 1_000_003)
      let text = made.description
      #expect(text.utf8.count == 26)
      #expect(text.allSatisfy { "0123456789abcdefghjkmnpqrstvwxyz".contains($0) })
      #expect(RunID(text) == made)
      #expect(made.milliseconds == millisecond * 1_000_003)
    }
  }

  @Test(arguments: [smallest, largest, "0123456789abcdefghjkmnpqrs", "7tvwxyz0123456789abcdefghj"])
  func `a text of the alphabet that fits 128 bits is read, and written as it was`(text: String) {
    #expect(RunID(text)?.description == text)
  }

  static let tooLong: [String] = [smallest + "0", largest + "z"]
  static let overflowing: [String] = ["8", "z"].map { $0 + smallest.dropLast() }
  static let tooShort: [String] = ["", "0", "../", String(smallest.dropLast())]
  static let foreign: [String] = ["i", "l", "o", "u", "A", "-", " ", "\0", "é"].map { smallest.dropLast() + $0 }

  @Test(arguments: [tooShort, tooLong, overflowing, foreign].flatMap { $0 })
  func `anything else is refused: another length, another alphabet, more than 128 bits`(text: String) {
    #expect(RunID(text) == nil)
  }

  @Test
  func `the order of identifiers, as values and as text, is that of the time they were made at`() {
    let moments: [Int64] = [0, 1, 31, 32, 1_000_000, 1_795_219_200_000, 1 << 47]
    // Each from a source of its own, the earlier with the larger noise: time alone must decide.
    let made = moments.enumerated().map { index, moment in
      var source = IdentifierSource<RunSubject>()
      var random = Fixed(word: .max - UInt64(index))
      return source.next(at: moment, using: &random)
    }
    for (earlier, later) in zip(made, made.dropFirst()) {
      #expect(earlier < later)
      #expect(earlier.description < later.description)
    }
  }

  @Test
  func `identifiers of one millisecond ascend, also past the end of the low word`() {
    var source = IdentifierSource<RunSubject>()
    var random = Fixed(word: .max - 2)
    let made = (0..<10).map { _ in source.next(at: 5, using: &random) }
    #expect(made == made.sorted() && Set(made).count == 10)
    let texts = made.map(\.description)
    #expect(texts == texts.sorted() && Set(texts).count == 10)
  }

  @Test
  func `identifiers ascend when the clock goes back`() {
    var source = IdentifierSource<RunSubject>()
    let made = [2000, 1999, 0, 1999, 2001, 5].map { source.next(at: $0) }
    for (earlier, later) in zip(made, made.dropFirst()) { #expect(earlier < later) }
  }

  @Test
  func `10 000 identifiers are distinct, from one source and from one each`() {
    var source = IdentifierSource<RunSubject>()
    var made: Set<RunID> = []
    for _ in 0..<5000 {
      made.insert(source.next(at: 1))
      var other = IdentifierSource<RunSubject>()
      made.insert(other.next(at: 1))
    }
    #expect(made.count == 10_000)
  }

  @Test
  func `a beginning is anything of the alphabet that is not too long`() {
    #expect(IdentifierText.isPrefix("0") && IdentifierText.isPrefix(Self.largest))
    for text in ["", "u", "A", "0-", Self.largest + "0"] { #expect(!IdentifierText.isPrefix(text)) }
  }
}
