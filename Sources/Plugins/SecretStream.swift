/// Hides secrets in bytes that come in pieces, wherever the pieces begin and end: the outcome is the same as of all of them
/// at once.
///
/// What may be the beginning of a secret is held back until it is decided, or until the end. Secrets that overlap are
/// hidden together.
public struct SecretStream: Sendable {
  private let mask: SecretMask
  private var match = SecretMatch()
  /// What came and is not decided.
  private var held: [UInt8] = []
  /// How much of that, from its beginning, is hidden already.
  private var covered = 0
  /// How many steps may be taken by now: so many for each byte, and some to begin with.
  private var allowed = 1 << 22
  private static let allowedPerByte = 16
  /// Whether looking was given up: then nothing more is shown.
  private var isGivenUp = false

  /// Text can be made so that a secret that repeats itself is nearly found at every place of it. Whoever reads is told; that
  /// a host stands still, or that a secret is shown, would be worse.
  private static let givenUp = Array("[… hidden from here on: to look for secrets in it would take too long …]\n".utf8)

  /// One for these secrets.
  public init(_ mask: SecretMask) { self.mask = mask }

  /// Whether there is anything to hide; if not, what comes need not be taken through it.
  var isNeeded: Bool { !mask.isEmpty }

  /// Takes a piece, and adds to `output` what is decided by now.
  public mutating func feed(_ piece: RawSpan, into output: inout [UInt8]) {
    guard isNeeded else { return piece.withUnsafeBytes { output.append(contentsOf: $0) } }
    guard !isGivenUp else { return }
    allowed += piece.byteCount * Self.allowedPerByte
    piece.withUnsafeBytes { held.append(contentsOf: $0) }
    scan(isEnd: false, into: &output)
  }

  /// Nothing more will come: what was held back is decided. A secret that was cut off is hidden as well, as far as it
  /// is as long as one.
  public mutating func finish(into output: inout [UInt8]) { scan(isEnd: true, into: &output) }

  private mutating func scan(isEnd: Bool, into output: inout [UInt8]) {
    var place = 0
    // The bytes from `plain` on go out as they are, once it is known how far.
    var plain = min(covered, held.count)
    scanning: while place < held.count {
      guard mask.mayBegin[Int(held[place])] else {
        place += 1
        continue
      }
      for index in mask.candidates(in: held, at: place) {
        let secret = mask.secrets[index]
        let found = match.find(secret.bytes, in: held, at: place)
        guard match.work <= allowed else { return giveUp(before: plain..<max(plain, place), &output) }
        if found.open != nil && !isEnd { break scanning }
        let cutOff = (found.open ?? 0) >= SecretMask.shortest ? held.count : nil
        guard let end = found.end ?? cutOff else { continue }
        if place >= covered {
          output.append(contentsOf: held[plain..<place])
          output.append(contentsOf: secret.mark)
        }
        covered = max(covered, end)
        plain = max(plain, min(covered, held.count))
      }
      place += 1
    }
    if place > plain { output.append(contentsOf: held[plain..<place]) }
    held.removeFirst(place)
    covered = max(0, covered - place)
  }

  private mutating func giveUp(before decided: Range<Int>, _ output: inout [UInt8]) {
    output.append(contentsOf: held[decided])
    output.append(contentsOf: Self.givenUp)
    isGivenUp = true
    held = []
    covered = 0
  }
}
