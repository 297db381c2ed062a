/// Stored transcript lines in the form in which readers get them: always one JSON value each.
public enum EventText {
  /// Appends a line as it is if it is JSON, else as a `reeve.text` event; one of more than `limit` bytes as skipped. What is
  /// known to be JSON is not looked at again.
  public static func append(
    line: RawSpan, limit: Int, isJSON: Bool = false, scanner: inout LineScanner, to output: inout [UInt8]
  ) {
    guard line.byteCount <= limit else { return appendSkipped(bytes: line.byteCount, to: &output) }
    var end = line.byteCount
    while end > 0, line.byte(end - 1) == 0x0A || line.byte(end - 1) == 0x0D { end -= 1 }
    let content = line.extracting(0..<end)
    if isJSON { return content.append(0..<end, to: &output) }
    switch scanner.scan(content) {
    case .object, .value: content.append(0..<end, to: &output)
    case .noise:
      output.append(contentsOf: #"{"type":"reeve.text","text":"#.utf8)
      JSONString.encode(content, to: &output)
      output.append(UInt8(ascii: "}"))
    }
  }

  /// Appends what stands for a line that was too long to deliver.
  public static func appendSkipped(bytes: Int, to output: inout [UInt8]) {
    output.append(contentsOf: #"{"type":"reeve.skipped","bytes":\#(bytes)}"#.utf8)
  }

  /// Appends what stands for events that could not be stored, by their numbers.
  public static func appendGap(first: Int, last: Int, to output: inout [UInt8]) {
    output.append(contentsOf: #"{"type":"reeve.gap","first":\#(first),"last":\#(last)}"#.utf8)
  }
}
