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

  /// One for these secrets.
  public init(_ mask: SecretMask) { self.mask = mask }

  /// Whether there is anything to hide; if not, what comes need not be taken through it.
  public var isNeeded: Bool { !mask.isEmpty }

  /// Takes a piece, and adds to `output` what is decided by now.
  public mutating func feed(_ piece: RawSpan, into output: inout [UInt8]) {
    guard !mask.isEmpty else { return piece.withUnsafeBytes { output.append(contentsOf: $0) } }
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
}
