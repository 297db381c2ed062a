/// A JSON value that is kept as the text it came in, so that nothing of it is lost.
public struct JSONText: Hashable, Sendable {
  /// The text: valid JSON, without white space around it.
  public let text: String

  /// Text that its maker knows to be valid JSON.
  public init(valid text: String) { self.text = text }
}
