import Synchronization
import Support
import Testing
import Wire

@Suite(.tags(.small)) struct JSONTests {
  @Test(arguments: [
    ("null", JSON.null), ("true", .bool(true)), ("false", .bool(false)), (" 0 ", .integer(0)), ("-0", .integer(0)),
    ("-0.0", .number(-0.0)), ("1.5", .number(1.5)), ("1e2", .number(100)), ("1E400", .number(.infinity)),
    ("-1e999", .number(-.infinity)), ("1e-999", .number(0)), ("9223372036854775807", .integer(.max)),
    ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .number(9223372036854775808)),
    ("-9223372036854775809", .number(-9223372036854775808)), ("18446744073709551616", .number(18446744073709551616)),
    (
      "[123456789012345678901234567890,\"12345678901234567890\",1]",
      .array([.number(1.2345678901234568e29), .string("12345678901234567890"), .integer(1)])
    ),
    ("\"\"", .string("")), (#""a\u0000\n\"\/\ud83d\ude00é""#, .string("a\u{0}\n\"/😀é")), ("[]", .array([])),
    ("{}", .object([:])),
    (#"{"b":[1,{}],"a":null}"#, .object(["b": .array([.integer(1), .object([:])]), "a": .null])),
  ])
  func `a text is read as the value it stands for`(text: String, value: JSON) throws {
    #expect(try JSON.parse(text) == value)
  }

  @Test(arguments: [
    (JSON.null, "null"), (.bool(true), "true"), (.integer(.min), "-9223372036854775808"), (.number(5), "5.0"),
    (.number(0.1), "0.1"), (.number(1e16), "1e+16"), (.number(.leastNonzeroMagnitude), "5e-324"),
    (.number(-0.0), "-0.0"), (.number(.infinity), "null"), (.number(-.infinity), "null"), (.number(.nan), "null"),
    (.string(""), "\"\""),
    (.string("\"\\/\u{8}\u{9}\u{A}\u{C}\u{D}\u{0}\u{1F}\u{7F}"), #""\"\\/\b\t\n\f\r\u0000\u001f"# + "\u{7F}\""),
    (.string("é\u{2028}😀"), "\"é\u{2028}😀\""), (.array([.integer(1), .array([])]), "[1,[]]"),
    (.object(["z": .integer(1), "a\n": .object([:])]), #"{"z":1,"a\n":{}}"#),
    (.array([.raw(Array("{ \"as\" : \"it is\" }".utf8))]), "[{ \"as\" : \"it is\" }]"),
  ])
  func `a value is written on one line and members keep their order`(value: JSON, text: String) {
    #expect(value.text == text)
  }

  @Test func `what was written reads back the same`() throws {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<500 {
      let value = Self.value(depth: 0, using: &random)
      #expect(try JSON.parse(value.text) == value)
    }
  }

  @Test func `a double is written so that it reads back to the bit`() throws {
    var random = SeededGenerator(seed: 11)
    for _ in 0..<20_000 {
      let number = Double(bitPattern: random.next())
      guard number.isFinite else { continue }
      let text = JSON.number(number).text
      guard case .number(let read) = try JSON.parse(text) else {
        Issue.record("\(text) is not read as a number with a fraction")
        continue
      }
      #expect(read.bitPattern == number.bitPattern)
    }
  }

  @Test func `of a repeated key the last value counts, at the first one's place`() throws {
    let value = try JSON.parse(#"{"a":1,"b":2,"\u0061":3}"#)
    #expect(value.text == #"{"a":3,"b":2}"#)
  }

  @Test func `a refusal names line, column and offset`() {
    let error = refusal("{\n  \"naïve\": 1,\r\n  \"ключ\": tru,\n}")
    #expect(error?.code == .noise(.notJSON))
    #expect(error?.line == 3)
    #expect(error?.column == 14)
    #expect(error?.offset == 35)
    #expect(error?.message == "not JSON: unexpected ,")
    #expect(refusal("{\"a\":1").map { [$0.line, $0.column, $0.offset] } == [1, 7, 6])
    #expect(refusal("{\"a\":1")?.message == "not JSON: the text ends too early")
    #expect(refusal("[\n\n\u{1}]").map { [$0.line, $0.column, $0.offset] } == [3, 1, 3])
    #expect(refusal("[\n\n\u{1}]")?.message == "not JSON: unexpected byte 0x1")
  }

  @Test(arguments: [
    ("", WireError.Code.noise(.empty)), (" \n", .noise(.empty)), ("NaN", .noise(.notJSON)), ("'a'", .noise(.notJSON)),
    ("[1,]", .noise(.notJSON)), (#""\ud800""#, .noise(.loneSurrogate)), (#"{"a":{"b\u0000c":1}}"#, .nulInKey),
    (String(repeating: "[", count: 513), .noise(.tooDeep)),
  ])
  func `what is no tree is refused with its reason`(text: String, code: WireError.Code) {
    #expect(refusal(text)?.code == code)
  }

  @Test func `a key with an escaped NUL is refused with its place, a value with one is not`() throws {
    #expect(refusal("{\"v\":\"\\u0000\",\n \"k\\u0000\":1}").map { [$0.line, $0.column] } == [2, 2])
    #expect(try JSON.parse(#"{"v":"\u0000"}"#) == .object(["v": .string("\u{0}")]))
  }

  @Test func `the deepest tree is built, written and released on a stack of 512 KiB`() {
    let intact = Mutex(0)
    let ran = withSmallStack {
      for (opening, closing) in [("[", "]"), ("{\"a\":", "}")] {
        let text =
          String(repeating: opening, count: LineScanner.depthLimit) + "1"
          + String(repeating: closing, count: LineScanner.depthLimit)
        if let tree = try? JSON.parse(text), tree.text == text { intact.withLock { $0 += 1 } }
      }
    }
    #expect(ran)
    #expect(intact.withLock { $0 } == 2)
  }

  @Test func `keys and strings are told apart by code points, not by canonical equivalence`() throws {
    let composed = "\u{E9}"
    let decomposed = "e\u{301}"
    let value = try JSON.parse("{\"\(composed)\":1,\"\(decomposed)\":2}")
    guard case .object(let object) = value else {
      Issue.record("no object")
      return
    }
    #expect(object.members.count == 2)
    #expect(object[composed] == .integer(1))
    #expect(object[decomposed] == .integer(2))
    #expect(JSON.string(composed) != .string(decomposed))
  }

  @Test func `objects are equal when their members are, in whatever order`() {
    let object: JSONObject = ["a": .integer(1), "b": .integer(2)]
    #expect(object == ["b": .integer(2), "a": .integer(1)])
    #expect(object != ["b": .integer(1), "a": .integer(2)])
    #expect(object != ["a": .integer(1)])
    #expect(object != ["a": .integer(1), "c": .integer(2)])
  }

  @Test func `setting a member keeps its place and setting nil removes it`() {
    var object: JSONObject = ["a": .integer(1), "b": .integer(2), "a": .integer(3)]
    #expect(object.members.map(\.key) == ["a", "b"])
    #expect(object["a"] == .integer(3))
    object["c"] = .null
    object["a"] = nil
    object["missing"] = nil
    #expect(JSON.object(object).text == #"{"b":2,"c":null}"#)
  }

  private func refusal(_ text: String) -> WireError? {
    do {
      _ = try JSON.parse(text)
      return nil
    } catch {
      return error
    }
  }

  private static func value(depth: Int, using random: inout SeededGenerator) -> JSON {
    switch Int.random(in: 0..<(depth < 5 ? 8 : 6), using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .integer(Int64(bitPattern: random.next()))
    case 3: return .number(Double.random(in: -1e300...1e300, using: &random))
    case 4, 5: return .string(string(using: &random))
    case 6:
      return .array((0..<Int.random(in: 0..<5, using: &random)).map { _ in value(depth: depth + 1, using: &random) })
    default:
      var object = JSONObject()
      for index in 0..<Int.random(in: 0..<5, using: &random) {
        object["\(index)é\"\\"] = value(depth: depth + 1, using: &random)
      }
      return .object(object)
    }
  }

  private static func string(using random: inout SeededGenerator) -> String {
    var text = ""
    for _ in 0..<Int.random(in: 0..<20, using: &random) {
      let highest: UInt32 = [0x20, 0x7F, 0x7FF, 0xFFFF, 0x10FFFF][Int.random(in: 0..<5, using: &random)]
      text.unicodeScalars.append(Unicode.Scalar(UInt32.random(in: 0...highest, using: &random)) ?? "\"")
    }
    return text
  }
}
