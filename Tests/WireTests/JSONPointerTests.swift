import Support
import Testing

@testable import Wire

@Suite(.tags(.small))
struct JSONPointerTests {
  private static let document =
    #" { "a" : { "b" : [ 1 , [ 2 , "x\"]" ] , { "c" : null } ] , "" : "empty" } , "m~n" : -1.5e3 , "é" : "}" } "#

  /// What a pointer finds, as it is written.
  private func find(_ text: String) throws -> String? {
    let pointer = try #require(JSONPointer(text))
    #expect(pointer.elementSteps == nil)
    let bytes = Array(Self.document.utf8)
    let start = try #require(bytes.firstIndex(of: UInt8(ascii: "{")))
    let range = JSONPointer.follow(pointer.steps, in: bytes.span.bytes, from: start..<bytes.count)
    return range.map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  @Test(arguments: [
    ("/a/b/0", "1"), ("/a/b/1", #"[ 2 , "x\"]" ]"#), ("/a/b/1/1", #""x\"]""#), ("/a/b/2/c", "null"),
    ("/a/", #""empty""#), ("/m~0n", "-1.5e3"), ("/é", #""}""#),
  ])
  func `a pointer finds its value, and nothing around it`(pointer: String, value: String) throws {
    #expect(try find(pointer) == value)
  }

  @Test(arguments: ["/b", "/a/b/3", "/a/b/01", "/a/b/-", "/a/b/x", "/m~0n/0", "/a/b/1/1/0", "/A", "/a/b/99999999999"])
  func `a pointer to what is not there finds nothing`(pointer: String) throws {
    #expect(try find(pointer) == nil)
  }

  @Test
  func `a pointer is read as RFC 6901 has it, with one star at most`() {
    for wrong in ["a", "a/b", "/~", "/~2", "/*/*", "/a/*/b/*"] { #expect(JSONPointer(wrong) == nil, "\(wrong)") }
    #expect(JSONPointer("")?.steps == [] && JSONPointer("")?.elementSteps == nil)
    #expect(JSONPointer("/a~1b/*/c~0")?.steps == [Array("a/b".utf8)])
    #expect(JSONPointer("/a~1b/*/c~0")?.elementSteps == [Array("c~".utf8)])
  }

  @Test
  func `members and elements are walked in their order, whatever is in them`() {
    let text = Array(#"{"a":[{"x":"]}"},[],"",0.5 ,true],"b":{},"c":"\\"}"#.utf8)
    var seen: [String] = []
    func string(_ range: Range<Int>) -> String { String(decoding: text[range], as: UTF8.self) }
    JSONElements.forEachMember(text.span.bytes, range: 0..<text.count) { seen.append("\(string($0))=\(string($1))") }
    #expect(seen == [#""a"=[{"x":"]}"},[],"",0.5 ,true]"#, #""b"={}"#, #""c"="\\""#])
    seen = []
    JSONElements.forEach(text.span.bytes, range: 5..<34) { seen.append(string($0)) }
    #expect(seen == [#"{"x":"]}"}"#, "[]", #""""#, "0.5", "true"])
    JSONElements.forEach(text.span.bytes, range: 0..<text.count) { _ in Issue.record("an object has no elements") }
    JSONElements.forEachMember(text.span.bytes, range: 5..<34) { _, _ in Issue.record("an array has no members") }
  }
}
