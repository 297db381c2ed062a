import Glibc
import Support
import Testing
import Wire

@Suite(.tags(.small)) struct LineSplitterTests {
  static let stream: [UInt8] =
    Array(
      """
      {"type":"text","text":"plain"}\r\n\n\r\n{"ключ":"\u{2028}значение\u{1F600}"}\n\r\r\nnoise \u{0} here\n[1,2\n"a\rb"\n
      """.utf8) + [0xFF, 0xC3, 0x0A] + Array("{\"last\":1e5}\r".utf8)

  @Test func `lines end at a newline alone and lose one trailing CR`() {
    let split = Split("a\nb\r\n\rc\r\r\n\n\r\nd\u{2028}e\u{85}\u{0B}\u{0C}f\n")
    #expect(split.texts == ["a", "b", "\rc\r", "", "", "d\u{2028}e\u{85}\u{0B}\u{0C}f"])
  }

  @Test func `a stream cut at any position gives the same lines`() {
    let whole = Split([Self.stream[...]])
    #expect(whole.lines.count == 10)
    for cut in 0...Self.stream.count {
      #expect(Split([Self.stream[..<cut], Self.stream[cut...]]) == whole, "cut at \(cut)")
    }
    #expect(Split(Self.stream.indices.map { Self.stream[$0...$0] }) == whole, "cut everywhere")
  }

  @Test func `a stream cut at any two positions gives the same lines`() {
    let stream = Array("{\"a\":\"é\"}\r\n\r\n\n[\"\\ud83d\\ude00\",1]\nlong enough to skip\r\nx\r".utf8)
    let whole = Split([stream[...]], limit: 18)
    #expect(whole.skipped == [20])
    for first in 0...stream.count {
      for second in first...stream.count {
        let split = Split([stream[..<first], stream[first..<second], stream[second...]], limit: 18)
        #expect(split == whole, "cut at \(first) and \(second)")
      }
    }
  }

  @Test func `a line as long as the limit is given and one byte more is skipped with its size`() {
    let text = "1234567\r\n12345678\n123456789\n12345678\r\nafter\n123456789"
    for size in 1...text.utf8.count {
      let bytes = Array(text.utf8)
      let chunks = stride(from: 0, to: bytes.count, by: size).map { bytes[$0..<min($0 + size, bytes.count)] }
      let split = Split(chunks, limit: 8)
      #expect(split.texts == ["1234567", "12345678", "after"], "chunks of \(size)")
      #expect(split.skipped == [9, 9, 9], "chunks of \(size)")
      #expect(split.pendingAtEnd == 9)
    }
  }

  @Test func `the unterminated rest is a line only if it has bytes`() {
    #expect(Split("a\n").texts == ["a"])
    #expect(Split("a\nb").texts == ["a", "b"])
    #expect(Split("a\n\r").texts == ["a", ""])
    #expect(Split("").texts == [])
    #expect(Split("a\nbcd").pendingAtEnd == 3)
  }

  @Test func `a splitter that was finished begins anew`() {
    var splitter = LineSplitter(limit: 4)
    var lines: [String] = []
    for text in ["abc", "too long", "x\ny"] {
      splitter.feed(
        Array(text.utf8).span.bytes, line: { lines.append($0.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }) },
        skipped: { lines.append("skipped \($0)") })
      splitter.finish(
        line: { lines.append($0.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }) },
        skipped: { lines.append("skipped \($0)") })
      #expect(splitter.pending == 0)
    }
    #expect(lines == ["abc", "skipped 8", "x", "y"])
  }

  @Test func `a million empty lines are a million lines`() {
    let newlines = [UInt8](repeating: 0x0A, count: 1_000_000)
    var splitter = LineSplitter(limit: 1)
    var scanner = LineScanner(wanted: WantedMembers([]))
    var count = 0
    splitter.feed(
      newlines.span.bytes, line: { if scanner.scan($0) == .noise(.empty) { count += 1 } }, skipped: { _ in })
    #expect(count == 1_000_000)
    #expect(splitter.pending == 0)
  }

  @Test(.tags(.medium)) func `a line of 200 MB keeps memory flat and is reported once with its exact size`() throws {
    let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 100_000)
    var splitter = LineSplitter(limit: 16 << 20)
    var lines = 0
    var skipped: [Int] = []
    let before = try residentBytes()
    var most = before
    for _ in 0..<2000 {
      splitter.feed(chunk.span.bytes, line: { _ in lines += 1 }, skipped: { skipped.append($0) })
      most = max(most, try residentBytes())
    }
    #expect(splitter.pending == 200_000_000)
    splitter.feed([UInt8]([0x0A]).span.bytes, line: { _ in lines += 1 }, skipped: { skipped.append($0) })
    #expect(skipped == [200_000_000])
    #expect(lines == 0)
    #expect(splitter.pending == 0)
    #expect(most - before < 64 << 20)
  }

  private func residentBytes() throws -> Int {
    let fields = try #require(TestFile.read("/proc/self/statm")).split(separator: 0x20)
    let pages = try #require(fields.count > 1 ? Int(String(decoding: fields[1], as: UTF8.self)) : nil)
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }
}
