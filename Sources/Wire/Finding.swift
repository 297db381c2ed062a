/// What a scan found a text to be.
public enum Finding: Equatable, Sendable {
  /// A JSON object; the wanted members' ranges may be asked for.
  case object
  /// JSON, but not an object at the top.
  case value
  /// Not JSON, or JSON that must not reach a peer.
  case noise(Noise)
}

/// Why a text is not passed on as JSON.
public enum Noise: Equatable, Sendable {
  /// No bytes, or only white space.
  case empty
  /// It breaks the grammar of RFC 8259.
  case notJSON
  /// A string holds bytes that are not UTF-8.
  case invalidUTF8
  /// The grammar holds, but an escape names half a surrogate pair: many parsers fail on it, or make bad UTF-8 of it.
  case loneSurrogate
  /// It nests deeper than `LineScanner.depthLimit`.
  case tooDeep
}

/// Where a scan stopped, and why.
struct Fault: Error {
  var noise: Noise
  var offset: Int

  init(_ noise: Noise, at offset: Int) {
    self.noise = noise
    self.offset = offset
  }
}
