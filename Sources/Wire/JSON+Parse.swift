internal import CJSON

extension JSON {
  /// Reads a text strictly: the scanner decides whether it is JSON, json-c only builds the tree.
  public static func parse(_ text: RawSpan) throws(WireError) -> JSON {
    var scanner = LineScanner(wanted: WantedMembers([]))
    if case .noise(let noise) = scanner.scan(text) {
      throw WireError(.noise(noise), in: text, at: scanner.failureOffset)
    }
    if let offset = scanner.nulKeyOffset { throw WireError(.nulInKey, in: text, at: offset) }
    guard scanner.hasLongInteger else { return try build(text) }
    return try build(markingLongIntegers(of: text).span.bytes)
  }

  /// Reads a text strictly.
  public static func parse(_ text: [UInt8]) throws(WireError) -> JSON { try parse(text.span.bytes) }

  /// Reads a text strictly.
  public static func parse(_ text: String) throws(WireError) -> JSON { try parse(Array(text.utf8)) }

  private static func build(_ text: RawSpan) throws(WireError) -> JSON {
    // `int` is how json-c counts bytes.
    guard let length = Int32(exactly: text.byteCount) else { throw WireError(.tooLong, in: text, at: 0) }
    // json-c counts a value inside the innermost container as one more level.
    guard let tokener = json_tokener_new_ex(Int32(LineScanner.depthLimit + 1)) else {
      throw WireError(.refused, in: text, at: 0)
    }
    defer { json_tokener_free(tokener) }
    var root = text.withUnsafeBytes { json_tokener_parse_ex(tokener, $0.baseAddress, length) }
    // A number at the top has no end of its own; the NUL that json-c wants there need not be copied behind the text.
    if json_tokener_get_error(tokener) == json_tokener_continue { root = json_tokener_parse_ex(tokener, "", 1) }
    defer { json_object_put(root) }
    guard json_tokener_get_error(tokener) == json_tokener_success else {
      throw WireError(.refused, in: text, at: json_tokener_get_parse_end(tokener))
    }
    return JSON(root)
  }

  /// Copies a tree of json-c's, where a null pointer is `null`; the recursion is as deep as the scanner lets a text be.
  private init(_ node: OpaquePointer?) {
    switch json_object_get_type(node) {
    case json_type_boolean: self = .bool(json_object_get_boolean(node) != 0)
    case json_type_int: self = .integer(json_object_get_int64(node))
    case json_type_double: self = .number(json_object_get_double(node))
    case json_type_string: self = .string(Self.string(node))
    case json_type_array:
      self = .array((0..<json_object_array_length(node)).map { JSON(json_object_array_get_idx(node, $0)) })
    case json_type_object: self = .object(Self.object(node))
    default: self = .null
    }
  }

  private static func string(_ node: OpaquePointer?) -> String {
    let bytes = UnsafeRawBufferPointer(
      start: json_object_get_string(node), count: Int(json_object_get_string_len(node)))
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func object(_ node: OpaquePointer?) -> JSONObject {
    var members: [(key: String, value: JSON)] = []
    members.reserveCapacity(Int(json_object_object_length(node)))
    var position = json_object_iter_begin(node)
    var end = json_object_iter_end(node)
    while json_object_iter_equal(&position, &end) == 0 {
      if let name = json_object_iter_peek_name(&position) {
        members.append((String(cString: name), JSON(json_object_iter_peek_value(&position))))
      }
      json_object_iter_next(&position)
    }
    return JSONObject(distinct: members)
  }

  /// Copies a text and puts `e0` after every integer that does not fit 64 bits.
  ///
  /// json-c clamps such a number to the nearest that fits; with an exponent it takes the same number as a double.
  private static func markingLongIntegers(of text: RawSpan) -> [UInt8] {
    var marked: [UInt8] = []
    marked.reserveCapacity(text.byteCount + 2)
    var at = 0
    while at < text.byteCount {
      let start = at
      // The scanner has accepted the text, so that nothing here can throw; the byte would be copied as it is.
      at = (try? text.skippingToken(start)) ?? start + 1
      text.append(start..<at, to: &marked)
      if JSONScalar.isLongInteger(text, range: start..<at) { marked.append(contentsOf: "e0".utf8) }
    }
    return marked
  }
}

extension RawSpan {
  /// Past a string, a number, or one byte of anything else.
  fileprivate func skippingToken(_ start: Int) throws(Fault) -> Int {
    switch byte(start) {
    case UInt8(ascii: "\""):
      var notes = StringNotes()
      return try skippingString(start, &notes)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      var isLong = false
      return try skippingNumber(start, isLong: &isLong)
    default: return start + 1
    }
  }
}
