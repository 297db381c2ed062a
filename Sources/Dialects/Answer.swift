/// What an agent answers: its last message, in one piece or in several.
public struct Answer: Sendable {
  /// More than a person reads; the transcript has it all.
  public static let limit = 1 << 20

  private var bytes: [UInt8] = []
  /// Whether some of it is left out.
  private(set) var isCut = false
  /// Whether what is there is a message that came whole: whatever comes next begins another.
  private var isWhole = false

  /// Nothing was said yet.
  init() {}

  /// Whether there are pieces of a message whose end has not come.
  var isUnfinished: Bool { !isWhole && !bytes.isEmpty }

  /// Takes a piece of a message.
  mutating func append(_ piece: [UInt8]) {
    if isWhole { clear() }
    add(piece)
  }

  /// Takes a message, whole or the rest of one that came with the same line: what was said of it in pieces is in it again.
  mutating func take(_ message: [UInt8], isRest: Bool) {
    if !isRest { clear() }
    add(message)
    isWhole = true
  }

  private mutating func clear() {
    bytes.removeAll(keepingCapacity: true)
    (isCut, isWhole) = (false, false)
  }

  private mutating func add(_ piece: [UInt8]) {
    let room = Self.limit - bytes.count
    isCut = isCut || piece.count > room
    bytes.append(contentsOf: piece.prefix(room))
  }

  /// All of it; nil when nothing was said.
  public var text: String? {
    guard !bytes.isEmpty else { return nil }
    return String(decoding: bytes, as: UTF8.self) + (isCut ? "\n[… cut; the transcript has it all …]" : "")
  }
}
