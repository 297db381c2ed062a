import Model
import Support
import Testing

@testable import Dialects

@Suite(.tags(.small))
struct NativeDialectTests {
  private func meaning(_ line: String) -> String {
    var interpreter = Interpreter(.native)
    return interpreter.describe(line)
  }

  @Test(arguments: [
    (#"{"type":"text","text":"partial answer"}"#, #"piece partial answer"#),
    (#" { "text" : "a\"b" , "type" : "text" } "#, #"piece a"b"#),
    (#"{"type":"progress","message":"step 2","done":2,"total":5}"#, "progress"),
    (#"{"type":"artifact","path":"out.md"}"#, "progress"),
    (#"{"type":"tool","id":"t1","name":"bash","state":"started"}"#, "progress, started bash"),
    (#"{"type":"tool","id":"t1","state":"finished","ok":true}"#, "progress, finished fine"),
    (
      #"{"type":"usage","input_tokens":10,"output_tokens":3,"cost_usd":0.0004}"#,
      "input_tokens 10, output_tokens 3, cost_usd 0.0004"
    ),
    (#"{"type":"session","id":"abc"}"#, "session abc"),
    (#"{"type":"result","status":"ok","output":{"a":[1,2]}}"#, #"success {"a":[1,2]}"#),
    (#"{"type":"result","status":"ok","output":null}"#, "success null"),
    (#"{"type":"result","status":"ok","output":-1.5e3}"#, "success -1.5e3"),
    (#"{"type":"result","status":"ok"}"#, "success -"),
    (#"{"type":"result","status":"error","error":"why"}"#, "failure why"),
    (#"{"type":"result","status":"error"}"#, "failure -"),
    (#"{"type":"result","status":"error","error":{"code":1}}"#, #"failure {"code":1}"#),
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
    var interpreter = Interpreter(.native)
    for (line, expected) in [
      (#"{"type":"result","status":"ok","output":1}"#, "success 1"), (#"{"type":"result"}"#, "life"),
      ("noise", "noise"), (#"{"type":"result","status":"error"}"#, "failure -"), ("{}", "life"),
    ] {
      #expect(interpreter.describe(line) == expected)
    }
  }

  /// By what a tool event tells its call apart.
  private func call(_ members: String, _ state: String = "started") -> UInt64? {
    var interpreter = Interpreter(.native)
    var key: UInt64?
    _ = interpreter.read(Array(#"{"type":"tool",\#(members),"state":"\#(state)"}"#.utf8).span.bytes) { meaning, _ in
      switch meaning {
      case .toolStarted(let call) where state == "started": key = call.key
      case .toolFinished(let call, _) where state == "finished": key = call.key
      default: break
      }
    }
    return key
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
  func `a tool event in another state is progress`() {
    #expect(meaning(#"{"type":"tool","id":"t1","state":"waiting"}"#) == "progress")
    #expect(meaning(#"{"type":"tool","id":"t1"}"#) == "progress")
  }
}

@Suite(.tags(.small))
struct UsageTallyTests {
  private func tally(_ lines: String...) -> UsageTally {
    var interpreter = Interpreter(.native)
    var testimony = Testimony(.native)
    for line in lines {
      _ = interpreter.read(Array(line.utf8).span.bytes) { testimony.take($0, in: $1, isOver: false) }
    }
    return testimony.usage
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
    for line in [
      "", "noise", "[1]", #"{"type":"usage"}"#,
      #"{"type":"usage","input_tokens":"10","output_tokens":null,"x":1.5,"y":1e999}"#,
    ] {
      #expect(tally(line).text == nil && tally(line).cost == nil)
    }
    #expect(tally(#"{"type":"usage","input_tokens":0}"#).text?.text == #"{"input_tokens":0}"#)
    #expect(tally(#"{"type":"usage","cost_usd":0}"#).cost == 0 && tally(#"{"type":"usage","cost_usd":0}"#).text == nil)
  }

  @Test
  func `a cost adds up, be it a whole number or not`() throws {
    let cost = try #require(
      tally(
        #"{"type":"usage","cost_usd":0.25}"#, #"{"type":"usage","cost_usd":2}"#, #"{"type":"usage","input_tokens":1}"#
      ).cost)
    #expect(cost == 2.25)
  }

  private func usage(_ members: String) -> String { #"{"type":"usage",\#(members.dropFirst())"# }

  @Test
  func `a sum that is too large stays at the largest number`() {
    let most = #"{"n":9223372036854775807}"#
    #expect(tally(usage(most), #"{"type":"usage","n":1}"#, #"{"type":"usage","n":0}"#).text?.text == most)
    #expect(tally(#"{"type":"usage","n":-1}"#).text == nil)
  }
}
