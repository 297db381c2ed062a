import RPC
import Support
import Testing
import Wire

@Suite(.tags(.small)) struct MessageSplitterTests {
  /// What a splitter makes of a stream that comes in pieces of one size.
  private func read(_ text: String, pieces size: Int = .max, limit: Int = 100) -> [String] {
    var splitter = MessageSplitter(limit: limit)
    var seen: [String] = []
    func message(_ framing: Framing, _ bytes: RawSpan) {
      seen.append("\(framing) \(String(decoding: bytes.withUnsafeBytes { Array($0) }, as: UTF8.self))")
    }
    func refused(_ framing: Framing, _ refusal: MessageSplitter.Refusal) { seen.append("\(framing) ✘ \(refusal)") }
    let bytes = Array(text.utf8)
    var start = 0
    while start < bytes.count {
      let end = size < bytes.count - start ? start + size : bytes.count
      splitter.feed(Array(bytes[start..<end]).span.bytes, message: message, refused: refused)
      start = end
    }
    splitter.finish(message: message, refused: refused)
    return seen
  }

  @Test(arguments: [
    ("{}\n[]\n", ["lines {}", "lines []"]), ("\n\n {}\r\n", ["lines {}\r"]), ("{}", ["lines {}"]),
    ("Content-Length: 2\r\n\r\n{}", ["headers {}"]), ("content-length:2\n\n[]", ["headers []"]),
    ("Content-Type: x\r\nContent-Length: 2\r\n\r\n{}Content-Length: 2\r\n\r\n[]", ["headers {}", "headers []"]),
    ("{}\nContent-Length: 2\r\n\r\n[]{}\n", ["lines {}", "headers []", "lines {}"]),
    ("Content-Length: 2\r\n\r\n{}\r\n\r\nContent-Length: 2\r\n\r\n{}", ["headers {}", "headers {}"]),
    ("nonsense\n{}\n", ["lines nonsense", "lines {}"]), ("Content-Length: 0\r\n\r\n{}\n", ["lines {}"]),
  ])
  func `messages are told apart, whatever pieces they come in`(text: String, messages: [String]) {
    for size in [1, 2, 3, 7, .max] { #expect(read(text, pieces: size) == messages) }
  }

  @Test
  func `a message that is too long is skipped, and the next one read`() {
    let long = String(repeating: "x", count: 101)
    for size in [1, 3, .max] {
      #expect(read("\(long)\n{}\n", pieces: size) == ["lines ✘ tooLong(101)", "lines {}"])
      #expect(
        read("Content-Length: 101\r\n\r\n\(long){}\n", pieces: size) == ["headers ✘ tooLong(101)", "lines {}"])
    }
  }

  @Test(arguments: [
    "Content-Length: two\r\n\r\n", "Content-Length: -1\r\n\r\n", "Content-Length:\r\n\r\n", "C\r\n\r\n",
    "C:\r\n:\r\n\r\n",
    "Content-Type: x\r\n\r\n", "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "Content-Length: 99999999999999999999\r\n\r\n", String(repeating: "C", count: 5000),
  ])
  func `behind a header that makes no sense nothing more is read`(header: String) {
    for size in [1, 5, .max] {
      let seen = read("\(header){}\n{}\n", pieces: size)
      #expect(seen.count == 1)
      #expect(seen.first?.hasPrefix("headers ✘ badHeader") == true)
    }
  }

  @Test(arguments: ["Content-Le", "Content-Length: 5\r\n\r\n{}", "Content-Length: 500\r\n\r\n{}"])
  func `an end in the middle of a message is told`(text: String) {
    #expect(read(text).last == "headers ✘ cutOff")
  }

  /// Random streams of messages and rubbish, in random pieces: what is read depends on the stream alone.
  @Test
  func `fuzzing the message reader finds nothing`() throws {
    let seconds = TestEnvironment.value("REEVE_FUZZ_SECONDS").flatMap { Int($0) } ?? 3
    let seed = TestEnvironment.value("REEVE_FUZZ_SEED").flatMap { UInt64($0) } ?? .random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let parts = [
      "{}", "{\"a\":1}\n", "\n", " ", "C", "Content-Length: ", "2", "17", "\r\n\r\n", "\r\n", "[1,2]", "x", ":", "\n\n",
      "é",
      "Content-Length: 2\r\n\r\n{}", String(repeating: "y", count: 120), "0", "-", "\u{0}",
    ]
    let end = ContinuousClock.now + .seconds(seconds)
    var cases = 0
    while ContinuousClock.now < end {
      let text = (0..<Int.random(in: 1...12, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }
        .joined()
      let whole = read(text)
      for size in [1, Int.random(in: 2...9, using: &random)] where read(text, pieces: size) != whole {
        Issue.record("seed \(seed): pieces of \(size) are read otherwise: \(text.debugDescription)")
        return
      }
      cases += 1
    }
    print("the message reader was fuzzed with \(cases) streams, seed \(seed)")
    #expect(cases > 0)
  }
}
