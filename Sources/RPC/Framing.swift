internal import Wire

/// How one message is told from the next on a stream of bytes.
public enum Framing: Sendable {
  /// One message a line.
  case lines
  /// Each message behind a header with its length, as language servers have it.
  case headers

  /// Appends a message that `write` appends the JSON of.
  public func append(to output: inout [UInt8], _ write: (inout [UInt8]) -> Void) {
    let start = output.count
    write(&output)
    switch self {
    case .lines: output.append(UInt8(ascii: "\n"))
    case .headers:
      output.insert(contentsOf: "Content-Length: \(output.count - start)\r\n\r\n".utf8, at: start)
    }
  }

  /// Appends a message.
  public func append(_ message: RPCMessage, to output: inout [UInt8]) {
    append(to: &output) { message.json.write(to: &$0) }
  }
}
