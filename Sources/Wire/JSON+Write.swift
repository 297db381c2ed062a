extension JSON {
  /// Appends the value as JSON on one line without white space.
  ///
  /// A number that JSON cannot write, infinity or not-a-number, is written as `null`.
  public func write(to output: inout [UInt8]) {
    // Each case has a function of its own: all their locals in one frame made a level of nesting cost a kilobyte of stack
    // in debug builds, too much for a thread of 512 KiB.
    switch self {
    case .null: output.append(contentsOf: "null".utf8)
    case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value): Self.write(value, to: &output)
    case .number(let value): Self.write(value, to: &output)
    case .string(let value): Self.write(value, to: &output)
    case .array(let elements): Self.write(elements, to: &output)
    case .object(let object): Self.write(object, to: &output)
    case .raw(let text): output.append(contentsOf: text)
    }
  }

  /// The value as JSON text.
  public var text: String {
    var output: [UInt8] = []
    write(to: &output)
    return String(decoding: output, as: UTF8.self)
  }

  private static func write(_ integer: Int64, to output: inout [UInt8]) {
    output.append(contentsOf: String(integer).utf8)
  }

  private static func write(_ number: Double, to output: inout [UInt8]) {
    // Swift's description is the shortest text that reads back as the same double, and always JSON: `5e-324`, `1e+16`.
    output.append(contentsOf: (number.isFinite ? number.description : "null").utf8)
  }

  private static func write(_ string: String, to output: inout [UInt8]) {
    JSONString.encode(string.utf8Span.span.bytes, to: &output)
  }

  private static func write(_ elements: [JSON], to output: inout [UInt8]) {
    output.append(UInt8(ascii: "["))
    for index in elements.indices {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      elements[index].write(to: &output)
    }
    output.append(UInt8(ascii: "]"))
  }

  private static func write(_ object: JSONObject, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "{"))
    for index in object.members.indices {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      write(object.members[index].key, to: &output)
      output.append(UInt8(ascii: ":"))
      object.members[index].value.write(to: &output)
    }
    output.append(UInt8(ascii: "}"))
  }
}
