import Support
import Testing
import Wire

@Suite(.tags(.small)) struct WantedMembersTests {
  @Test func `a wanted member's range is its value and nothing else`() {
    let text = #" { "type" : "text" ,"n":-1.5e3, "list":[1, {"type":2}] , "object":{ } ,"yes":true }"#
    #expect(member("type", of: text) == #""text""#)
    #expect(member("n", of: text) == "-1.5e3")
    #expect(member("list", of: text) == #"[1, {"type":2}]"#)
    #expect(member("object", of: text) == "{ }")
    #expect(member("yes", of: text) == "true")
    #expect(member("no", of: text) == nil)
  }

  @Test func `a member of the same name further down is not the wanted one`() {
    #expect(member("type", of: #"{"a":{"type":1},"b":[{"type":2}]}"#) == nil)
    #expect(member("type", of: #"{"type":0,"a":{"type":1}}"#) == "0")
    #expect(member("type", of: #"{"type":{"type":1}}"#) == #"{"type":1}"#)
    #expect(member("type", of: #"[{"type":1}]"#) == nil)
  }

  @Test func `of a repeated key the last counts`() {
    #expect(member("a", of: #"{"a":1,"b":2,"a":[3]}"#) == "[3]")
    #expect(member("a", of: #"{"a":1,"\u0061":2}"#) == "2")
  }

  @Test func `a key is compared by what its escapes stand for`() {
    #expect(member("type", of: #"{"t\u0079pe":1}"#) == "1")
    #expect(member("type", of: #"{"\u0074\u0079\u0070\u0065":1}"#) == "1")
    #expect(member("type", of: #"{"t\\u0079pe":1}"#) == nil)
    #expect(member("a/b\n", of: #"{"a\/b\n":1}"#) == "1")
    #expect(member("😀", of: #"{"\ud83d\ude00":1}"#) == "1")
    #expect(member("", of: #"{"\u0000":1}"#) == nil)
    #expect(member("type", of: "{\"\(String(repeating: #"\u0074"#, count: 100_000))\":1}") == nil)
  }

  @Test func `the empty key is a key`() {
    #expect(member("", of: #"{"":1}"#) == "1")
    #expect(member("", of: #"{"a":1}"#) == nil)
  }

  @Test func `names that share prefixes or end in NUL are told apart`() throws {
    let stems = ["a", "ab", "abcdefg", "abcdefgh", "abcdefghi", "abcdefghj", "abcdefghijklmnop", "a\u{0}", "", "\u{0}"]
    let long = String(repeating: "x", count: 62)
    let names = stems + [long, long + "x", long + "xx", long + "xy"]
    var scanner = LineScanner(wanted: WantedMembers(names))
    for (index, name) in names.enumerated() {
      let text = JSON.object([name: .integer(Int64(index)), name + "?": .null]).text
      for padding in ["", "          "] {
        let bytes = Array((text + padding).utf8)
        #expect(scanner.scan(bytes) == .object)
        for other in names.indices { #expect((scanner.value(other) != nil) == (other == index), "\(name) \(other)") }
        let range = try #require(scanner.value(index))
        #expect(String(decoding: bytes[range], as: UTF8.self) == "\(index)")
      }
    }
  }

  @Test func `all 64 names are found at their own index`() throws {
    let names = (0..<WantedMembers.limit).map { "name\($0)" }
    var scanner = LineScanner(wanted: WantedMembers(names))
    let bytes = Array("{\(names.reversed().map { "\"\($0)\":\"\($0)\"" }.joined(separator: ", "))}".utf8)
    #expect(scanner.scan(bytes) == .object)
    for (index, name) in names.enumerated() {
      let range = try #require(scanner.value(index))
      #expect(String(decoding: bytes[range], as: UTF8.self) == "\"\(name)\"")
    }
  }

  @Test func `a scan forgets the ranges of the one before`() {
    var scanner = LineScanner(wanted: WantedMembers(["a"]))
    for other in ["{\"b\":1}", "[1]", "{\"a\":1", "{\"a\":1,}", "{\"a\":1} x", ""] {
      #expect(scanner.scan(Array("{\"a\":1}".utf8)) == .object)
      #expect(scanner.value(0) == 5..<6)
      _ = scanner.scan(Array(other.utf8))
      #expect(scanner.value(0) == nil, "\(other)")
    }
  }
}
