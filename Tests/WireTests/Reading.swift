import Wire

extension LineScanner {
  /// Scans an array: the macros of Swift Testing cannot take a call with a span in it apart.
  mutating func scan(_ text: [UInt8]) -> Finding { scan(text.span.bytes) }
}

/// What a scanner without wishes finds a text to be.
func finding(_ text: [UInt8]) -> Finding {
  var scanner = LineScanner(wanted: WantedMembers([]))
  return scanner.scan(text)
}

/// What a scanner without wishes finds a text to be.
func finding(_ text: String) -> Finding { finding(Array(text.utf8)) }

/// The text of a wanted top-level member's value.
func member(_ name: String, of text: String) -> String? {
  let bytes = Array(text.utf8)
  var scanner = LineScanner(wanted: WantedMembers([name]))
  guard scanner.scan(bytes.span.bytes) == .object, let range = scanner.value(0) else { return nil }
  return String(decoding: bytes[range], as: UTF8.self)
}

/// What a splitter makes of a stream.
struct Split: Equatable {
  /// Its lines, each as text and as what the scanner finds.
  var lines: [[UInt8]] = []
  var findings: [Finding] = []
  var skipped: [Int] = []
  var pendingAtEnd = 0

  /// Splits a stream that comes in these chunks.
  init(_ chunks: [ArraySlice<UInt8>], limit: Int = 1 << 20) {
    var splitter = LineSplitter(limit: limit)
    var scanner = LineScanner(wanted: WantedMembers([]))
    var split = (lines: [[UInt8]](), findings: [Finding](), skipped: [Int]())
    func take(_ line: RawSpan) {
      split.lines.append(line.withUnsafeBytes { Array($0) })
      split.findings.append(scanner.scan(line))
    }
    for chunk in chunks { splitter.feed(chunk.span.bytes, line: take, skipped: { split.skipped.append($0) }) }
    pendingAtEnd = splitter.pending
    splitter.finish(line: take, skipped: { split.skipped.append($0) })
    (lines, findings, skipped) = split
  }

  init(_ text: String, limit: Int = 1 << 20) { self.init([Array(text.utf8)[...]], limit: limit) }

  var texts: [String] { lines.map { String(decoding: $0, as: UTF8.self) } }
}
