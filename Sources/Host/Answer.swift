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
