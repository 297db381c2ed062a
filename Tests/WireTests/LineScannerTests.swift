import Support
import Testing
import Wire

@Suite(.tags(.small)) struct LineScannerTests {
  @Test(arguments: [
    "{}", "[]", "0", "-0", "-0.0e-0", "1e999", "-1E+999", "123456789012345678901234567890", "1.5e3", "\"\"", "true",
    "false", "null", " \t\r\n{ \n}\r\n\t ", "[ ]", "[1 ,2 , 3 ]", "{\"a\" :\n1 , \"b\":[{}]}",
    "\"\u{7F}\u{2028}\u{2029}\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u0000\\uFFFF\"", "\"\\ud83d\\ude00 \\uDBFF\\uDFFF\"", "{\"\":{\"\":[]}}",
    "\"\u{10FFFF}\u{D7FF}\u{E000}\u{10000}\u{80}\u{7FF}\u{800}\u{FFFF}\"",
  ])
  func `what RFC 8259 allows is JSON`(text: String) {
    let isObject = text.first { !$0.isWhitespace } == "{"
    #expect(finding(text) == (isObject ? .object : .value))
  }

  @Test(arguments: [
    ("{", 1), ("[", 1), ("}", 0), ("{]", 1), ("[}", 1), ("[1,]", 3), ("{\"a\":1,}", 7), ("{\"a\"}", 4), ("{\"a\":}", 5),
    ("{a:1}", 1), ("{\"a\":1 \"b\":2}", 7), ("[1 2]", 3), ("[,1]", 1), ("01", 1), ("-01", 2), ("-", 1), ("+1", 0),
    ("1.", 2), (".5", 0), ("1.e5", 2), ("1e", 2), ("1e+", 3), ("0x10", 1), ("1_000", 1), ("NaN", 0), ("-Infinity", 1),
    ("nul", 3), ("nulL", 3), ("truefalse", 4), ("'a'", 0), ("\"a", 2), ("\"a\\", 3), ("\"\\x\"", 2), ("\"\\u12G4\"", 5),
    ("\"\\u12", 5), ("\"a\tb\"", 2), ("\"a\u{0}b\"", 2), ("\"abcdefg\u{1F}\"", 8), ("\u{0}", 0), ("{}\u{0}", 2),
    ("{}{}", 2), ("{} // no", 3), ("\u{FEFF}{}", 0), ("\u{A0}1", 0), ("[1]\u{0B}", 3), ("{\"a\":1,\"b\":tru}", 14),
  ])
  func `what RFC 8259 forbids is noise, and the place is known`(text: String, offset: Int) {
    let bytes = Array(text.utf8)
    var scanner = LineScanner(wanted: WantedMembers([]))
    #expect(scanner.scan(bytes) == .noise(.notJSON))
    #expect(scanner.failureOffset == offset)
  }

  @Test(arguments: ["", " ", "\r", "\t\n \r\n"])
  func `nothing and white space are empty`(text: String) {
    #expect(finding(text) == .noise(.empty))
  }

  @Test(arguments: [
    [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x9F, 0xBF], [0xE2, 0x82],
    [0xE2, 0x28, 0xA1], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98],
    [0xF0, 0x9F, 0x98, 0x28], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80],
    [0xFE], [0xFF],
  ])
  func `a string that is not UTF-8 is noise wherever in the text it stands`(bad: [UInt8]) {
    for before in 0..<20 {
      let start = [UInt8(ascii: "\"")] + [UInt8](repeating: UInt8(ascii: "a"), count: before)
      for text in [start + bad + Array("bcdefghijk\"".utf8), start + bad + [UInt8(ascii: "\"")], start + bad] {
        var scanner = LineScanner(wanted: WantedMembers([]))
        #expect(scanner.scan(text) == .noise(.invalidUTF8))
        #expect(scanner.failureOffset == before + 1)
      }
    }
  }

  @Test func `every special byte in a string is seen at every distance from the word it is read with`() {
    for before in 0..<24 {
      for byte in UInt8.min...UInt8.max where byte != UInt8(ascii: "\\") && byte != UInt8(ascii: "\"") {
        for after in [0, 1, 7, 8, 9] {
          let padding = [UInt8](repeating: UInt8(ascii: "z"), count: before)
          let text = [0x22] + padding + [byte] + [UInt8](repeating: 0x21, count: after) + [0x22]
          let expected: Finding = byte < 0x20 ? .noise(.notJSON) : byte < 0x80 ? .value : .noise(.invalidUTF8)
          #expect(finding(text) == expected, "byte \(byte) after \(before), before \(after)")
        }
      }
    }
  }

  @Test(arguments: [
    "\"\\ud800\"", "\"\\udc00\"", "\"\\uD83D\\uD83D\"", "\"\\ude00\\ud83d\"", "\"\\ud83dx\\ude00\"", "\"\\ud83d\\n\"",
    "\"\\ud83d\\u0041\"", "{\"\\ud800\":1}", "[\"\\ud83d\\ud83d\\ude00\"]",
  ])
  func `an escape that is half a surrogate pair is noise`(text: String) {
    #expect(finding(text) == .noise(.loneSurrogate))
  }

  @Test func `a lone surrogate in a text that is no JSON either is not blamed`() {
    #expect(finding("[\"\\ud800\"") == .noise(.notJSON))
    #expect(finding("[\"\\ud800\\u00\"]") == .noise(.notJSON))
    #expect(finding([0x22] + Array("\\ud800".utf8) + [0xFF, 0x22]) == .noise(.invalidUTF8))
  }

  @Test(arguments: ["[", "{\"a\":", "[{\"a\":"])
  func `512 open containers are JSON and 513 are not`(opening: String) {
    let both = opening == "[{\"a\":"
    func nested(_ depth: Int) -> String {
      let openings = String(repeating: opening, count: both ? depth / 2 : depth) + (both && depth % 2 == 1 ? "[" : "")
      let closings = openings.compactMap { $0 == "[" ? "]" : $0 == "{" ? "}" : nil }.reversed().joined()
      return openings + "1" + closings
    }
    let isObject = opening == "{\"a\":"
    #expect(LineScanner.depthLimit == 512)
    #expect(finding(nested(511)) == (isObject ? .object : .value))
    #expect(finding(nested(512)) == (isObject ? .object : .value))
    #expect(finding(nested(513)) == .noise(.tooDeep))
    #expect(finding(String(nested(512).dropLast())) == .noise(.notJSON))
    #expect(finding(String(repeating: opening, count: 200_000)) == .noise(.tooDeep))
  }

  @Test func `each closing bracket must match the container it closes at any depth`() {
    for depth in 1...200 {
      let openings = (0..<depth).map { $0 % 3 == 0 ? "{\"k\":" : "[" }
      let closings = (0..<depth).map { $0 % 3 == 0 ? "}" : "]" }.reversed()
      #expect(finding(openings.joined() + "0" + closings.joined()) == .object)
      var wrong = Array(closings)
      wrong[depth / 2] = wrong[depth / 2] == "}" ? "]" : "}"
      #expect(finding(openings.joined() + "0" + wrong.joined()) == .noise(.notJSON))
    }
  }
}
