internal import Model
internal import Wire

/// The result that came with an agent's final word, as far as the record keeps it.
struct AgentResult {
  /// More than this is for the transcript alone: a row of the ledger cannot hold just anything.
  static let limit = 64 << 20

  /// As the agent wrote it.
  let output: JSONText?
  /// The same as text, if it is a string: then it is the final answer itself.
  let text: String?

  init(_ line: RawSpan, _ range: Range<Int>?) {
    guard let range else {
      (output, text) = (nil, nil)
      return
    }
    guard range.count <= Self.limit else {
      output = nil
      text = "[… a result of \(range.count) bytes; the transcript has it …]"
      return
    }
    output = JSONText(valid: JSONString.raw(line, range))
    text = JSONString.isString(line, range) ? JSONString.text(line, range) : nil
  }

  /// The reason that an agent gave for its failure, cut where no person would read on.
  static func reason(_ line: RawSpan, _ range: Range<Int>) -> String {
    range.count <= Answer.limit ? JSONString.text(line, range) : "the agent reported an error of \(range.count) bytes"
  }
}

/// The pieces of text that an agent gave, put together.
struct Answer {
  /// More than a person reads; the transcript has it all.
  static let limit = 1 << 20

  private var bytes: [UInt8] = []
  private var isCut = false

  mutating func append(_ piece: [UInt8]) {
    let room = Self.limit - bytes.count
    isCut = isCut || piece.count > room
    bytes.append(contentsOf: piece.prefix(room))
  }

  /// All of it; nil when nothing was said.
  var text: String? {
    guard !bytes.isEmpty else { return nil }
    return String(decoding: bytes, as: UTF8.self) + (isCut ? "\n[… cut; the transcript has it all …]" : "")
  }
}
