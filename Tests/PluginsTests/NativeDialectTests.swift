import Model
import Support
import Testing

@testable import Plugins

@Suite(.tags(.small))
struct NativeDialectTests {
  /// What a line means, and the text that its range covers.
  private func meaning(_ line: String) -> String {
    var dialect = NativeDialect()
    return describe(dialect.read(Array(line.utf8).span.bytes), line)
  }

  private func describe(_ meaning: Meaning?, _ line: String) -> String {
    func part(_ range: Range<Int>?) -> String {
      range.map { String(decoding: Array(line.utf8)[$0], as: UTF8.self) } ?? "-"
    }
    return switch meaning {
    case nil: "noise"
    case .life: "life"
    case .content: "content"
    case .text(let range): "text \(part(range))"
    case .toolStarted: "started"
    case .toolFinished: "finished"
    case .usage: "usage"
    case .session(let range): "session \(part(range))"
    case .success(let range): "success \(part(range))"
    case .failure(let range): "failure \(part(range))"
    }
  }

  @Test(arguments: [
    (#"{"type":"text","text":"partial answer"}"#, #"text "partial answer""#),
    (#" { "text" : "a\"b" , "type" : "text" } "#, #"text "a\"b""#),
    (#"{"type":"progress","message":"step 2","done":2,"total":5}"#, "content"),
    (#"{"type":"artifact","path":"out.md"}"#, "content"),
    (#"{"type":"tool","id":"t1","name":"bash","state":"started"}"#, "started"),
    (#"{"type":"tool","id":"t1","state":"finished","ok":true}"#, "finished"),
    (#"{"type":"usage","input_tokens":10,"output_tokens":3,"cost_usd":0.0004}"#, "usage"),
    (#"{"type":"session","id":"abc"}"#, #"session "abc""#),
    (#"{"type":"result","status":"ok","output":{"a":[1,2]}}"#, #"success {"a":[1,2]}"#),
    (#"{"type":"result","status":"ok","output":null}"#, "success null"),
    (#"{"type":"result","status":"ok","output":-1.5e3}"#, "success -1.5e3"),
    (#"{"type":"result","status":"ok"}"#, "success -"),
    (#"{"type":"result","status":"error","error":"why"}"#, #"failure "why""#),
    (#"{"type":"result","status":"error"}"#, "failure -"),
    (#"{"type":"result","status":"error","error":{"code":1}}"#, "failure -"),
    (#"{"\u0074ype":"re\u0073ult","status":"\u006fk"}"#, "success -"),
  ])
  func `each event of the native dialect is understood`(line: String, expected: String) {
    #expect(meaning(line) == expected)
  }

  @Test(arguments: [
    #"{"type":"text","text":""}"#, #"{"type":"text"}"#, #"{"type":"text","text":1}"#, #"{"type":"thinking"}"#,
    #"{"type":"Text","text":"a"}"#, #"{"type":1}"#, #"{}"#, #"{"kind":"text","text":"a"}"#, "[]", "1", "null",
    #""text""#, #"[{"type":"result","status":"ok"}]"#, #"{"type":"result"}"#, #"{"type":"result","status":"maybe"}"#,
    #"{"type":"result","status":true}"#, #"{"type":"session"}"#, #"{"type":"session","id":7}"#,
    #"{"event":{"type":"result","status":"ok"}}"#,
  ])
  func `what says nothing that is known shows that the agent lives, and no more`(line: String) {
    #expect(meaning(line) == "life")
  }

  @Test(arguments: [
    "", "hello", #"{"type":"result","status":"ok""#, "{'type':'result'}", #"{"type":"result","status":"ok"} x"#,
    #"{"type":"text","text":"\ud800"}"#, "NaN",
  ])
  func `what is not JSON is noise`(line: String) {
    #expect(meaning(line) == "noise")
  }

  @Test
  func `a line leaves nothing behind for the next one`() {
    var dialect = NativeDialect()
    for (line, expected) in [
      (#"{"type":"result","status":"ok","output":1}"#, "success 1"), (#"{"type":"result"}"#, "life"),
      ("noise", "noise"), (#"{"type":"result","status":"error"}"#, "failure -"), ("{}", "life"),
    ] {
      #expect(describe(dialect.read(Array(line.utf8).span.bytes), line) == expected)
    }
  }

  /// By what a tool event tells its call apart.
  private func call(_ members: String, _ state: String = "started") -> UInt64? {
    var dialect = NativeDialect()
    let line = #"{"type":"tool",\#(members),"state":"\#(state)"}"#
    switch dialect.read(Array(line.utf8).span.bytes) {
    case .toolStarted(let call) where state == "started": return call
    case .toolFinished(let call) where state == "finished": return call
    default: return nil
    }
  }

  @Test
  func `a tool call is told apart by its id, and by its name where it has none`() throws {
    let first = try #require(call(#""id":"t1","name":"bash""#))
    #expect(call(#""name":"other","id":"t1""#, "finished") == first)
    #expect(call(#""id":"t2","name":"bash""#) != first)
    let named = try #require(call(#""name":"bash""#))
    #expect(call(#""name":"bash""#, "finished") == named)
    #expect(call(#""name":"read""#) != named && named != first)
  }

  @Test
  func `a tool event in another state is content`() {
    #expect(meaning(#"{"type":"tool","id":"t1","state":"waiting"}"#) == "content")
    #expect(meaning(#"{"type":"tool","id":"t1"}"#) == "content")
  }
}

@Suite(.tags(.small))
struct UsageTallyTests {
  private func tally(_ lines: String...) -> UsageTally {
    var tally = UsageTally()
    for line in lines { tally.add(Array(line.utf8).span.bytes) }
    return tally
  }

  @Test
  func `what was used adds up, each number by its name in the order of their first mention`() {
    let tally = tally(
      #"{"type":"usage","input_tokens":10,"output_tokens":3}"#, #"{"type":"usage","cached":5,"input_tokens":1}"#)
    #expect(tally.text?.text == #"{"input_tokens":11,"output_tokens":3,"cached":5}"#)
    #expect(tally.cost == nil)
  }

  @Test
  func `what was never spoken of stays unknown, and a zero is known`() {
    for line in ["", "noise", "[1]", #"{"type":"usage"}"#, #"{"input_tokens":"10","output_tokens":null,"x":1.5}"#] {
      #expect(tally(line).text == nil && tally(line).cost == nil)
    }
    #expect(tally(#"{"input_tokens":0}"#).text?.text == #"{"input_tokens":0}"#)
    #expect(tally(#"{"cost_usd":0}"#).cost == 0 && tally(#"{"cost_usd":0}"#).text == nil)
  }

  @Test
  func `a cost adds up, be it a whole number or not`() throws {
    let cost = try #require(tally(#"{"cost_usd":0.25}"#, #"{"cost_usd":2}"#, #"{"input_tokens":1}"#).cost)
    #expect(cost == 2.25)
  }

  @Test
  func `a sum that is too large stays at the largest number`() {
    let most = #"{"n":9223372036854775807}"#
    #expect(tally(most, #"{"n":1}"#, #"{"n":0}"#).text?.text == most)
    let least = #"{"n":-9223372036854775808}"#
    #expect(tally(least, #"{"n":-1}"#).text?.text == least)
  }
}
