internal import Kernel
internal import Plugins

/// Keeps what the programs of a run write to stderr: its beginning, and its end when there is much of it; without secrets.
struct ErrorLog: ~Copyable {
  private let limit: Int
  private var file: Descriptor?
  private var written = 0
  /// The newest bytes that are not in the file.
  private var tail: [UInt8] = []
  private var dropped = 0
  /// The newest bytes of all, for a message.
  private var recent: [UInt8] = []
  private var hasFailed = false
  /// Made with the first byte: most runs have none.
  private var stream: SecretStream?
  private let secrets: () -> SecretMask
  /// The last piece, without secrets.
  private(set) var harmless: [UInt8] = []

  /// Enough for the last line of most programs.
  private static let recentBytes = 1024

  init(limit: Int, secrets: @escaping () -> SecretMask) {
    self.limit = limit
    self.secrets = secrets
  }

  private var headLimit: Int { limit - limit / 2 }
  private var tailLimit: Int { limit / 2 }

  /// Takes a piece; what of it may be seen is kept, and is in `harmless` until the next.
  mutating func append(_ piece: RawSpan, in folder: inout RunFolder) {
    if stream == nil { stream = SecretStream(secrets()) }
    var bytes: [UInt8] = []
    swap(&bytes, &harmless)
    bytes.removeAll(keepingCapacity: true)
    stream?.feed(piece, into: &bytes)
    keep(bytes.span.bytes, in: &folder)
    swap(&bytes, &harmless)
  }

  /// What is held back, as it would be shown if nothing else came.
  var undecided: [UInt8] {
    var stream = stream
    var bytes: [UInt8] = []
    stream?.finish(into: &bytes)
    return bytes
  }

  private mutating func keep(_ piece: RawSpan, in folder: inout RunFolder) {
    guard !piece.isEmpty else { return }
    keepRecent(piece)
    let head = min(piece.byteCount, headLimit - written)
    if head > 0 { write(piece.extracting(first: head), in: &folder) }
    written += head
    let rest = piece.extracting(droppingFirst: head)
    guard !rest.isEmpty else { return }
    rest.withUnsafeBytes { tail.append(contentsOf: $0) }
    // Cut only when it has doubled, so that each byte is moved once or twice and no more.
    if tail.count > 2 * max(tailLimit, 4096) { cutTail() }
  }

  /// Writes the end, behind a line that says how much is missing.
  mutating func finish(in folder: inout RunFolder) {
    var rest: [UInt8] = []
    stream?.finish(into: &rest)
    keep(rest.span.bytes, in: &folder)
    cutTail()
    if dropped > 0 {
      let mark = Array("\n[… \(dropped) bytes left out …]\n".utf8)
      write(mark.span.bytes, in: &folder)
    }
    let end = tail
    tail = []
    write(end.span.bytes, in: &folder)
    file = nil
  }

  /// The last line that is not empty.
  var lastLine: String? {
    (recent + undecided).split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") })
      .last { line in line.contains { $0 > 0x20 } }
      .map { String(decoding: $0, as: UTF8.self) }
  }

  private mutating func cutTail() {
    let surplus = tail.count - tailLimit
    guard surplus > 0 else { return }
    dropped += surplus
    tail.removeFirst(surplus)
  }

  private mutating func keepRecent(_ piece: RawSpan) {
    let part = piece.extracting(last: Self.recentBytes)
    part.withUnsafeBytes { recent.append(contentsOf: $0) }
    if recent.count > Self.recentBytes { recent.removeFirst(recent.count - Self.recentBytes) }
  }

  private mutating func write(_ bytes: RawSpan, in folder: inout RunFolder) {
    guard !hasFailed, !bytes.isEmpty else { return }
    do {
      if file == nil { file = try folder.create(RunFile.errors) }
      try file?.writeAll(bytes)
    } catch {
      // It is there to help a person; the run does not depend on it.
      hasFailed = true
    }
  }
}
