import Glibc
import Model
import Wire

/// What a message of a host is about, found without reading all of it.
enum Message {
  /// An answer that tells of a run, or a change of one.
  case run(RunNews)
  /// Events of a run: how many bytes they take, the commas between them included.
  case events(bytes: Int)
  /// An answer that tells of no run.
  case answer
  /// An answer that says that a call failed.
  case failure(String)

  private static let answerHead: StaticString = #"{"jsonrpc":"2.0","id":"#
  private static let eventsHead: StaticString = #"{"jsonrpc":"2.0","method":"run/appended""#

  init(_ text: RawSpan) {
    if text.begins(with: Self.eventsHead), let start = text.end(of: #""events":["#) {
      // What follows the last event closes three things.
      self = .events(bytes: text.byteCount - 3 - start)
      return
    }
    if text.begins(with: Self.answerHead), text.end(of: #""result":"#, within: 64) == nil {
      self = .failure(text.text(0..<text.byteCount))
      return
    }
    self = RunNews(text).map { .run($0) } ?? .answer
  }
}

/// What a message says of a run.
struct RunNews {
  let name: String
  let status: Status
  /// Whether the ledger has it.
  let isRecorded: Bool
  /// Whether nothing of it is left.
  let isGone: Bool
  /// Its result, if that is a number.
  let output: Int64?
  let events: Int64

  init?(_ text: RawSpan) {
    let head = min(text.byteCount, 160)
    guard let start = text.end(of: #""run":{"id":""#, within: head), let name = text.word(from: start),
      let status = text.end(of: #""status":""#).flatMap({ text.word(from: $0) }).flatMap({ Status(rawValue: $0) })
    else { return nil }
    self.name = name
    self.status = status
    isRecorded = text.end(of: #""recorded":true"#) != nil
    isGone = text.end(of: #""disposal":"gone""#) != nil
    output = text.end(of: #""output":"#).flatMap { text.number(from: $0) }
    events = text.end(of: #""events":"#).flatMap { text.number(from: $0) } ?? 0
  }

  /// Whether there is a verdict.
  var isSettled: Bool { status.isTerminal }
}

extension RawSpan {
  /// Whether these bytes come first.
  fileprivate func begins(with head: StaticString) -> Bool {
    guard byteCount >= head.utf8CodeUnitCount else { return false }
    return withUnsafeBytes { bytes in
      bytes.baseAddress.map { memcmp($0, head.utf8Start, head.utf8CodeUnitCount) == 0 } ?? false
    }
  }

  /// Where these bytes end when they are found first, beginning among the first `limit`.
  func end(of needle: StaticString, within limit: Int? = nil) -> Int? {
    let length = needle.utf8CodeUnitCount
    let last = Swift.min(limit ?? byteCount, byteCount - length)
    return withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, last >= 0 else { return nil }
      var at = 0
      while at <= last, let found = memchr(base + at, Int32(needle.utf8Start[0]), last - at + 1) {
        if memcmp(found, needle.utf8Start, length) == 0 { return UnsafeRawPointer(found) - base + length }
        at = UnsafeRawPointer(found) - base + 1
      }
      return nil
    }
  }

  func text(_ range: Range<Int>) -> String {
    extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// What stands there up to a quotation mark.
  fileprivate func word(from start: Int) -> String? {
    var end = start
    while end < byteCount, byte(end) != UInt8(ascii: "\"") { end += 1 }
    return end < byteCount ? text(start..<end) : nil
  }

  /// The digits that stand there.
  fileprivate func number(from start: Int) -> Int64? {
    var end = start
    while end < byteCount, byte(end) >= UInt8(ascii: "0"), byte(end) <= UInt8(ascii: "9") { end += 1 }
    return Int64(text(start..<end))
  }
}
