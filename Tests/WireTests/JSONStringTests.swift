import Support
import Testing
import Wire

@Suite(.tags(.small)) struct JSONStringTests {
  @Test func `a string is decoded as json-c decodes it`() throws {
    var random = SeededGenerator(seed: 3)
    let pieces = [
      "a", "plain text of some length", #"\""#, #"\\"#, #"\/"#, #"\b"#, #"\f"#, #"\n"#, #"\r"#, #"\t"#, #"\u0000"#,
      #"\u0041"#, #"\u00e9"#, #"\u20AC"#, #"\ud83d\ude00"#, #"\uDBFF\uDFFF"#, #"\ufffd"#, "é", "€", "😀", "\u{2028}",
      "{", ":",
    ]
    for _ in 0..<5000 {
      var text = "\""
      for _ in 0..<Int.random(in: 0..<12, using: &random) { text += pieces.randomElement(using: &random) ?? "" }
      text += "\""
      let bytes = Array(" \(text), ".utf8)
      var decoded = Array("kept".utf8)
      let range = 1..<1 + text.utf8.count
      JSONString.decode(bytes.span.bytes, range: range, into: &decoded)
      guard case .string(let expected) = try JSON.parse(text) else {
        Issue.record("\(text) is no string")
        continue
      }
      #expect(decoded == Array("kept\(expected)".utf8), "\(text)")
      let isItself = JSONString.equals(bytes.span.bytes, range: range, Array(expected.utf8))
      let isLonger = JSONString.equals(bytes.span.bytes, range: range, Array("\(expected)x".utf8))
      #expect(isItself && !isLonger, "\(text)")
    }
  }

  @Test(arguments: [
    (#""result""#, true), (#""re\u0073ult""#, true), (#""\u0072\u0065\u0073\u0075\u006c\u0074""#, true),
    (#""Result""#, false), (#""results""#, false), (#""resul""#, false), (#""resul\n""#, false), (#""""#, false),
    ("1", false), ("null", false), ("[]", false),
  ])
  func `a string equals a literal by what it stands for`(text: String, isEqual: Bool) {
    #expect(equals(text, "result") == isEqual)
  }

  @Test func `the empty string equals the empty literal only`() {
    #expect(equals("\"\"", ""))
    #expect(!equals("\"\"", "a"))
  }

  private func equals(_ text: String, _ literal: StaticString) -> Bool {
    let bytes = Array(text.utf8)
    return JSONString.equals(bytes.span.bytes, range: 0..<bytes.count, literal)
  }
}
