import Support
import Testing
import Wire

@Suite(.tags(.small)) struct EventTextTests {
  @Test(arguments: ["{}", "{ \"type\" : \"text\" , \"n\":1.50 }", "1", " [\"\u{2028}\"]"])
  func `a line of JSON is delivered byte for byte without its line end`(line: String) {
    for ending in ["", "\n", "\r\n"] { #expect(delivered(Array((line + ending).utf8)) == line) }
  }

  @Test(arguments: [
    ("hello", "hello"), ("", ""), ("say \"hi\"\\\t\u{1B}[0m", #"say \"hi\"\\\t\u001b[0m"#), ("a\u{0}b", #"a\u0000b"#),
    ("{\"a\":1,}", #"{\"a\":1,}"#), (#""\ud800""#, #"\"\\ud800\""#), ("naïve\u{2028}😀 \r\n", "naïve\u{2028}😀 "),
  ])
  func `noise is delivered as text`(line: String, text: String) {
    #expect(delivered(Array(line.utf8)) == #"{"type":"reeve.text","text":"\#(text)"}"#)
  }

  @Test(arguments: [
    ([0x61, 0xFF, 0x62], "a\u{FFFD}b"), ([0xC3], "\u{FFFD}"), ([0xC0, 0x80], "\u{FFFD}\u{FFFD}"),
    ([0xE2, 0x82, 0x41], "\u{FFFD}A"), ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    ([0xF0, 0x9F, 0x98], "\u{FFFD}"),
    ([0xF0, 0x80, 0x80, 0x41], "\u{FFFD}\u{FFFD}\u{FFFD}A"),
    ([0xF4, 0x91, 0x92, 0x93], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    ([0x22, 0xFF, 0x22], "\\\"\u{FFFD}\\\""),
  ])
  func `each ill-formed part of the bytes becomes one replacement character`(line: [UInt8], text: String) {
    #expect(delivered(line) == "{\"type\":\"reeve.text\",\"text\":\"\(text)\"}")
  }

  @Test func `whatever a line holds, what is delivered is one line of JSON, repaired as Swift's own decoder does`()
    throws
  {
    var random = SeededGenerator(seed: 5)
    let alphabet: [UInt8] = [
      0x00, 0x09, 0x0A, 0x0D, 0x1F, 0x22, 0x5C, 0x41, 0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xE2, 0xED,
      0xEF,
      0xF0, 0xF3, 0xF4, 0xF5, 0xFF,
    ]
    for _ in 0..<20_000 {
      var line: [UInt8] = [0x78]
      for _ in 0..<Int.random(in: 0..<12, using: &random) { line.append(alphabet.randomElement(using: &random) ?? 0) }
      line.append(0x78)
      let event = delivered(line)
      #expect(!event.utf8.contains(0x0A))
      let expected = JSON.object([
        "type": .string("reeve.text"), "text": .string(String(decoding: line, as: UTF8.self)),
      ])
      #expect(try JSON.parse(event) == expected, "\(line)")
    }
  }

  @Test func `a line over the limit stands as skipped with its size`() {
    #expect(delivered(Array("[12345678]".utf8), limit: 10) == "[12345678]")
    #expect(delivered(Array("[123456789]".utf8), limit: 10) == #"{"type":"reeve.skipped","bytes":11}"#)
  }

  @Test func `a gap names the first and the last event it stands for`() {
    var output: [UInt8] = []
    EventText.appendGap(first: 3, last: 17, to: &output)
    #expect(output == Array(#"{"type":"reeve.gap","first":3,"last":17}"#.utf8))
  }

  private func delivered(_ line: [UInt8], limit: Int = 1 << 20) -> String {
    var scanner = LineScanner(wanted: WantedMembers([]))
    var output: [UInt8] = []
    EventText.append(line: line.span.bytes, limit: limit, scanner: &scanner, to: &output)
    return String(decoding: output, as: UTF8.self)
  }
}
