import Support
import Testing
import Wire

@testable import Dialects

/// What rules make of lines.
@Suite(.tags(.small))
struct RuleTests {
  private func meaning(_ rules: String, _ line: String, isError: Bool = false) throws -> String {
    var interpreter = Interpreter(try Dialect(try JSON.parse(rules)))
    return interpreter.describe(line, isError: isError)
  }

  @Test(arguments: [
    // A member of the line, one below it, an element of an array by its number, names with slashes, tildes and escapes.
    (#"{"when":{"/a":"x"},"text":"/b"}"#, #"{"a":"x","b":"hi"}"#, "text hi"),
    (#"{"when":{"/a/b":"x"},"text":"/c/d"}"#, #"{"c":{"d":"hi"},"a":{"b":"x"}}"#, "text hi"),
    (#"{"when":{"/a/1":"x"},"text":"/a/0"}"#, #"{"a":["hi","x"]}"#, "text hi"),
    (#"{"when":{"/a~1b":"x"},"text":"/~0"}"#, #"{"a\/b":"x","~":"hi"}"#, "text hi"),
    (#"{"when":{"/a":"x\n"},"text":"/a"}"#, #"{"\u0061":"x\u000a"}"#, "text x\n"),
    (#"{"when":{"/ü":1},"text":"/b"}"#, #"{"ü":1,"b":"hi"}"#, "text hi"),
    (#"{"when":{},"text":"/b"}"#, #"{"b":"hi"}"#, "text hi"),
    // Of a repeated key the last counts, at any depth.
    (#"{"when":{"/a/b":2},"text":"/c"}"#, #"{"a":{"b":1,"b":2},"c":"hi"}"#, "text hi"),
    // Literals of every kind, and lists of them.
    (#"{"when":{"/a":1.5},"progress":true}"#, #"{"a":15e-1}"#, "progress"),
    (#"{"when":{"/a":["x",true,null]},"progress":true}"#, #"{"a":true}"#, "progress"),
    (#"{"when":{"/a":["x",true,null]},"progress":true}"#, #"{"a":null}"#, "progress"),
    (#"{"when":{"/a":["x",true,null]},"progress":true}"#, #"{"b":1}"#, "progress"),
    (#"{"when":{"/a":["x",true,null]},"progress":true}"#, #"{"a":false}"#, "life"),
    (#"{"when":{"/a":"1"},"progress":true}"#, #"{"a":1}"#, "life"),
    // Conditions.
    (#"{"when":{"/a":{"not":["x","y"]}},"progress":true}"#, #"{"a":"z"}"#, "progress"),
    (#"{"when":{"/a":{"not":["x","y"]}},"progress":true}"#, #"{"a":"y"}"#, "life"),
    (#"{"when":{"/a":{"not":"x"}},"progress":true}"#, "{}", "progress"),
    (#"{"when":{"/a":{"not":["x",null]}},"progress":true}"#, "{}", "life"),
    (#"{"when":{"/a":{"present":true}},"progress":true}"#, #"{"a":null}"#, "progress"),
    (#"{"when":{"/a":{"present":false}},"progress":true}"#, #"{"a":null}"#, "life"),
    (#"{"when":{"/a":{"present":false}},"progress":true}"#, #"{"b":1}"#, "progress"),
    (
      #"{"when":{"/a":{"like":"Re*…*/5*"}},"retrying":"/a"}"#, #"{"a":"Reconnecting… 1/5 (x)"}"#,
      "retrying Reconnecting… 1/5 (x)"
    ),
    (#"{"when":{"/a":{"like":"Re*"}},"retrying":"/a"}"#, #"{"a":"no"}"#, "life"),
    (#"{"when":{"/a":{"like":"*"}},"progress":true}"#, #"{"a":1}"#, "life"),
    (#"{"when":{"/a":"x","/b":"y"},"progress":true}"#, #"{"a":"x"}"#, "life"),
    // Every element that fits, and no other.
    (
      #"{"when":{"/c/*/t":"text"},"text":"/c/*/s"}"#,
      #"{"c":[{"t":"text","s":"a"},{"t":"x","s":"b"},{"t":"text","s":"c"}]}"#, "text a, text c"
    ),
    (
      #"{"when":{"/k":1,"/c/*/t":"u"},"tool_started":{"id":"/c/*/i","name":"/c/*/n"}}"#,
      #"{"k":1,"c":[{"t":"u","i":1,"n":"Bash"},{"t":"u","i":2,"n":"Read"}]}"#, "started Bash, started Read"
    ),
    (#"{"when":{"/k":1},"text":"/c/*"}"#, #"{"k":1,"c":["a","b"]}"#, "text a, text b"),
    (#"{"when":{"/k":1},"text":"/c/*"}"#, #"{"k":1,"c":"a"}"#, "life"),
    (#"{"when":{"/k":1},"text":"/c/*"}"#, #"{"k":1,"c":[]}"#, "life"),
    (#"{"when":{"/k":1},"text":"/c/*","session":"/k2"}"#, #"{"k":1,"k2":"s","c":["a"]}"#, "session s, text a"),
    // What is about the line is said once, however many elements fit.
    (#"{"when":{"/c/*/t":"x"},"text":"/big"}"#, #"{"c":[{"t":"x"},{"t":"x"},{"t":"y"}],"big":"b"}"#, "text b"),
    (#"{"when":{"/c/*/t":"x"},"text":"/big"}"#, #"{"c":[{"t":"y"}],"big":"b"}"#, "life"),
    (
      #"{"when":{"/c/*/t":"x"},"text_delta":"/c/*/s","success":true}"#, #"{"c":[{"t":"x","s":"1"},{"t":"x","s":"2"}]}"#,
      "piece 1, piece 2, success -"
    ),
    // The first place that has something.
    (#"{"when":{"/a":1},"failure":["/e/0","/m"]}"#, #"{"a":1,"m":"why"}"#, "failure why"),
    (#"{"when":{"/a":1},"failure":["/e/0","/m"]}"#, #"{"a":1,"e":["first"],"m":"why"}"#, "failure first"),
    (#"{"when":{"/a":1},"failure":true}"#, #"{"a":1}"#, "failure -"),
    // What says nothing is no content; what is no text is no text.
    (#"{"when":{"/a":1},"text":"/b","text_delta":"/c","progress":"/d"}"#, #"{"a":1,"b":"","c":"","d":""}"#, "life"),
    (#"{"when":{"/a":1},"text":"/b","text_delta":"/b","session":"/b"}"#, #"{"a":1,"b":7}"#, "life"),
    (#"{"when":{"/a":1},"progress":"/d"}"#, #"{"a":1,"d":"x"}"#, "progress"),
    // Figures by name, all of an object, and what is none.
    (
      #"{"when":{"/a":1},"usage":{"in":"/u/i","out":"/u/o"},"cost":"/c"}"#, #"{"a":1,"u":{"i":3,"o":4},"c":0.5}"#,
      "in 3, out 4, cost_usd 0.5"
    ),
    (#"{"when":{"/a":1},"usage":"/u"}"#, #"{"a":1,"u":{"i":3,"s":"4","o":5}}"#, "i 3, o 5"),
    (#"{"when":{"/a":1},"usage":{"in":"/u"},"cost":"/c"}"#, #"{"a":1,"u":null,"c":"$1,234.5"}"#, "cost_usd 1234.5"),
    // How a tool call went.
    (
      #"{"when":{"/a":1},"tool_finished":{"name":"/n","ok":"/k"}}"#, #"{"a":1,"n":"Bash","k":false}"#, "finished failed"
    ),
    (
      #"{"when":{"/a":1},"tool_finished":{"name":"/n","ok":{"/s":"done"}}}"#, #"{"a":1,"n":"Bash","s":"done"}"#,
      "finished fine"
    ),
    (#"{"when":{"/a":1},"tool_finished":{"name":"/n","ok":false}}"#, #"{"a":1,"n":"Bash"}"#, "finished failed"),
    (#"{"when":{"/a":1},"tool_finished":{"name":"/n","ok":"/k"}}"#, #"{"a":1,"n":"Bash"}"#, "finished"),
  ])
  func `a rule about JSON finds what it names`(rule: String, line: String, expected: String) throws {
    #expect(try meaning("[\(rule)]", line) == expected)
  }

  @Test
  func `all rules that fit a line count, and a final word comes last whatever their order`() throws {
    let rules = """
      [{"when": {"/t": "end"}, "success": "/r"}, {"when": {"/t": ["end", "more"]}, "usage": {"n": "/n"}},
       {"when": {"/t": "end"}, "done": true}, {"when": {"/t": {"not": "x"}}, "session": "/s"},
       {"when": {"/t": "end"}, "failure": "/r"}]
      """
    #expect(try meaning(rules, #"{"t":"end","r":1,"n":2,"s":"a"}"#) == "n 2, session a, success 1, done")
    #expect(try meaning(rules, #"{"t":"more","r":1,"n":2,"s":"a"}"#) == "n 2, session a")
    #expect(try meaning(rules, #"{"t":"x","r":1,"n":2,"s":"a"}"#) == "life")
  }

  @Test(arguments: [
    (
      #"{"line":"Tokens: {in} sent*, {out} received.*","usage":{"i":"{in}","o":"{out}"},"success":true}"#,
      "Tokens: 1.2k sent, 7 received.", "i 1200, o 7, success -"
    ),
    (
      #"{"line":"Tokens: {in} sent*, {out} received.*","usage":{"i":"{in}","o":"{out}"}}"#,
      "  Tokens: 4,200 sent, 70 received. Cost: $1", "i 4200, o 70"
    ),
    (#"{"line":"Error: {why}","failure":"{why}"}"#, "Error: no key", "failure no key"),
    (#"{"line":"Error: {why}","failure":true}"#, "Error: no key\t", "failure Error: no key"),
    (#"{"line":"Error: {why}","failure":"{why}"}"#, "An Error: no key", "noise"),
    (#"{"line":"banner *"}"#, "banner 1", "life"), (#"{"line":"banner *"}"#, "other", "noise"),
    (#"{"line":"*"}"#, "", "life"),
    (#"{"line":"a{x}b","text":"{x}"}"#, "abb", "text b"), (#"{"line":"a{x}b*","text":"{x}"}"#, "a1b2b", "text 1"),
    (#"{"line":"a*b","text":true}"#, "ab", "text ab"), (#"{"line":"ab","text":true}"#, "abc", "noise"),
    // What only a terminal understands is not there.
    (
      #"{"line":"Agent {x} ready","text":"{x}"}"#,
      "\u{1b}[32mAgent \u{1b}[1;36mseven\u{1b}[0m ready\u{1b}]0;title\u{7}", "text seven"
    ),
    (#"{"line":"open","text":true}"#, "open\u{1b}[", "text open"),
    // JSON is none of its business.
    (#"{"line":"*","text":true}"#, #"{"a":1}"#, "life"),
  ])
  func `a rule about text finds what it names`(rule: String, line: String, expected: String) throws {
    #expect(try meaning("[\(rule)]", line) == expected)
  }

  @Test
  func `of the rules about text the first that fits counts, each for its own stream`() throws {
    let both = #"[{"line":"a*","text":true},{"line":"{x}b","session":"{x}"},{"stderr":"e {x}","error":"{x}"}]"#
    #expect(try meaning(both, "ab") == "text ab")
    #expect(try meaning(both, "cb") == "session c")
    #expect(try meaning(both, "e 1") == "noise")
    #expect(try meaning(both, "e 1", isError: true) == "error 1")
    #expect(try meaning(both, "ab", isError: true) == "noise")
  }

  @Test
  func `in a plain dialect no line is JSON, and spaces stay`() throws {
    let rules = #"{"plain":true,"rules":[{"line":"{all}","text_delta":"{all}"}]}"#
    for line in [#"{"a":1}"#, "  42 ", "[", ""] { #expect(try meaning(rules, line) == "piece \(line)") }
  }

  @Test
  func `text that an agent breaks at a column is put together again`() throws {
    let rules = #"{"wrap":20,"rules":[{"line":"Error: {why}","failure":"{why}"}]}"#
    var interpreter = Interpreter(try Dialect(try JSON.parse(rules)))
    #expect(interpreter.describe("Error: 0123456789abc") == "noise")
    #expect(interpreter.describe("0123456789abcdefghij") == "noise")
    #expect(interpreter.describe("end") == "failure 0123456789abc0123456789abcdefghijend")
    #expect(interpreter.describe("Error: short") == "failure short")
    // What follows is no text, or nothing follows: then that was all.
    #expect(interpreter.describe("Error: 0123456789abc") == "noise")
    #expect(interpreter.describe("{}") == "failure 0123456789abc")
    #expect(interpreter.describe("Error: 0123456789abc") == "noise")
    var rest: [String] = []
    interpreter.finishText { meaning, text in
      if case .failure(let why?) = meaning { rest.append(why.text(in: text)) }
    }
    #expect(rest == ["0123456789abc"])
  }

  @Test
  func `a rule whose members a line lacks is not even looked at`() throws {
    let dialect = try Dialect(
      try JSON.parse(
        #"[{"when":{"/a":1,"/b/c":2},"text":"/d"},{"when":{"/t":["x","y"],"/e":{"not":1}},"text":"/d"},{"when":{"/f/*/g":1},"progress":true}]"#
      ))
    #expect(dialect.objectRules.map(\.required) == [0b11, 0b1000, 0b1_00000])
    var scanner = LineScanner(wanted: dialect.wanted)
    func candidates(_ line: String) -> UInt64 {
      _ = scanner.scan(Array(line.utf8).span.bytes)
      return dialect.dispatch.candidates(Array(line.utf8).span.bytes, scanner)
    }
    #expect(candidates(#"{"t":"z"}"#) == 0b101)
    #expect(candidates(#"{"t":"y"}"#) == 0b111)
    #expect(candidates(#"{"t":1}"#) == 0b101)
  }

  struct Wrong: Sendable {
    let dialect: String
    let key: String
    let words: String

    init(_ dialect: String, _ key: String, _ words: String) {
      self.dialect = dialect
      self.key = key
      self.words = words
    }
  }

  @Test(arguments: [
    Wrong("7", "", "a dialect is a name"), Wrong(#""latin""#, "", "there is no dialect “latin”"),
    Wrong("[]", "rules", "understands nothing"), Wrong("{}", "rules", "understands nothing"),
    Wrong(#"{"rule":[]}"#, "rule", "unknown key"), Wrong(#"{"rules":7}"#, "rules", "must be a list"),
    Wrong("[7]", "rules[0]", "a rule is an object"), Wrong(#"[{"text":"/a"}]"#, "rules[0]", "exactly one"),
    Wrong(#"[{"when":{},"line":"a","text":"/a"}]"#, "rules[0]", "exactly one"),
    Wrong(#"[{"when":{}}]"#, "rules[0]", "says nothing"),
    Wrong(#"[{"when":{},"texts":"/a"}]"#, "rules[0].texts", "unknown key; a line can mean session"),
    Wrong(#"[{"when":7,"text":"/a"}]"#, "rules[0].when", "must be an object"),
    Wrong(#"[{"when":{"a":1},"text":"/a"}]"#, "rules[0].when.a", "no JSON Pointer"),
    Wrong(#"[{"when":{},"text":"/a/*/b/*"}]"#, "rules[0].text", "no JSON Pointer"),
    Wrong(#"[{"when":{},"text":"/a~2"}]"#, "rules[0].text", "no JSON Pointer"),
    Wrong(#"[{"when":{"/a/*/t":1},"text":"/b/*/c"}]"#, "rules[0].text", "another array"),
    Wrong(#"[{"when":{},"text":true}]"#, "rules[0].text", "must say where"),
    Wrong(#"[{"when":{},"text":[]}]"#, "rules[0].text", "must say where"),
    Wrong(#"[{"when":{},"text":["/a",1]}]"#, "rules[0].text[1]", "must be a string"),
    Wrong(#"[{"when":{"/a":{"is":1}},"text":"/a"}]"#, "rules[0].when./a.is", "unknown key"),
    Wrong(#"[{"when":{"/a":{"not":1,"like":"x"}},"text":"/a"}]"#, "rules[0].when./a", "must have one of"),
    Wrong(#"[{"when":{"/a":{"like":"**"}},"text":"/a"}]"#, "rules[0].when./a.like", "no two of them"),
    Wrong(#"[{"when":{"/a":[[1]]},"text":"/a"}]"#, "rules[0].when./a", "must be a string"),
    Wrong(#"[{"when":{},"tool_started":"/a"}]"#, "rules[0].tool_started", "must be an object"),
    Wrong(#"[{"when":{},"tool_started":{}}]"#, "rules[0].tool_started", "needs an"),
    Wrong(#"[{"when":{},"tool_started":{"id":"/a","x":1}}]"#, "rules[0].tool_started.x", "unknown key"),
    Wrong(#"[{"when":{},"done":false}]"#, "rules[0].done", "must be true"),
    Wrong(#"[{"stderr":"x","failure":true}]"#, "rules[0].failure", "stdout alone"),
    Wrong(#"[{"line":"","text":true}]"#, "rules[0].line", "must be text"),
    Wrong(#"[{"line":"a{x}{y}","text":"{x}"}]"#, "rules[0].line", "two gaps"),
    Wrong(#"[{"line":"a{x} {x}","text":"{x}"}]"#, "rules[0].line", "one name twice"),
    Wrong(#"[{"line":"a{x}","text":"{y}"}]"#, "rules[0].text", "no part of the pattern"),
    Wrong(#"[{"line":"a","text":"/a"}]"#, "rules[0].text", "no part of the pattern"),
    Wrong(
      #"[{"line":"{x}","tool_finished":{"id":"{x}","ok":{"/a":1}}}]"#, "rules[0].tool_finished.ok", "true or false"),
    Wrong(#"{"plain":true,"rules":[{"when":{},"text":"/a"}]}"#, "plain", "never JSON"),
    Wrong(#"{"wrap":2,"rules":[{"line":"a"}]}"#, "wrap", "from 20 to 1000"),
    Wrong(#"{"cumulative":"a","rules":[{"line":"a"}]}"#, "cumulative", "list of strings"),
    Wrong(#"{"plain":1,"rules":[{"line":"a"}]}"#, "plain", "true or false"),
  ])
  func `what is wrong with a dialect is said with its place`(wrong: Wrong) throws {
    let json = try JSON.parse(wrong.dialect)
    let error = #expect(throws: DialectError.self) { try Dialect(json) }
    #expect(error?.key == wrong.key)
    #expect(error?.message.contains(wrong.words) == true, "\(error?.message ?? "")")
  }

  @Test
  func `more rules or more members than fit are refused, not forgotten`() throws {
    let many = (0..<65).map { #"{"when":{"/t":"\#($0)"},"progress":true}"# }.joined(separator: ",")
    let wide = (0..<65).map { #""/m\#($0)":1"# }.joined(separator: ",")
    for rules in ["[\(many)]", #"[{"when":{\#(wide)},"progress":true}]"#] {
      #expect(throws: DialectError.self) { try Dialect(try JSON.parse(rules)) }
    }
  }

  @Test
  func `a pattern takes time that grows with the line alone`() throws {
    // Matched by trying every length of every gap this would take years, and by comparing anew at each byte minutes.
    for pattern in [String(repeating: "a*", count: 30) + "b", "*" + String(repeating: "a", count: 30_000) + "b*"] {
      let rules = "[{\"line\":\"\(pattern)\",\"text\":true}]"
      let began = ContinuousClock.now
      #expect(try meaning(rules, String(repeating: "a", count: 1_000_000)) == "noise")
      #expect(ContinuousClock.now - began < .seconds(60))
    }
    #expect(try meaning(#"[{"line":"*aab*c","text":true}]"#, "aaaab c") == "text aaaab c")
    #expect(try meaning(#"[{"line":"*abab{x}c","text":"{x}"}]"#, "ababab-c") == "text ab-")
  }
}
