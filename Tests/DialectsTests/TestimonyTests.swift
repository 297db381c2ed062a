import Model
import Support
import Testing
import Wire

@testable import Dialects

/// What is kept of all that an agent says.
@Suite(.tags(.small))
struct TestimonyTests {
  private static let rules = """
    {"cumulative": ["cost_usd", "out"], "rules": [
      {"when": {"/t": "delta"}, "text_delta": "/x"}, {"when": {"/t": "text"}, "text": "/x/*"},
      {"when": {"/t": "use"}, "usage": {"in": "/in", "out": "/out"}, "cost": "/cost"},
      {"when": {"/t": "error"}, "error": "/x"}, {"when": {"/t": "ok"}, "success": "/x"},
      {"when": {"/t": "no"}, "failure": "/x"}, {"when": {"/t": "again"}, "retrying": "/x"},
      {"when": {"/t": "tool"}, "tool_started": {"name": "/x"}}, {"when": {"/t": "end"}, "tool_finished": {"name": "/x"}}
    ]}
    """

  /// Everything that is said of a text as it comes, and what is kept in the end.
  private func hear(
    _ lines: String..., baseline: UsageTally.Baseline = .nothing
  ) throws -> (testimony: Testimony, shown: String) {
    let dialect = try Dialect(try JSON.parse(Self.rules))
    var interpreter = Interpreter(dialect)
    var testimony = Testimony(dialect)
    testimony.usage.baseline = baseline
    var shown = ""
    for line in lines {
      testimony.lineBegan()
      _ = interpreter.read(Array(line.utf8).span.bytes) { meaning, text in
        testimony.take(meaning, in: text, isOver: false)
        switch meaning {
        case .text, .piece: shown += String(decoding: testimony.said, as: UTF8.self)
        default: break
        }
      }
    }
    return (testimony, shown)
  }

  @Test
  func `the answer is the last message, be it in pieces, whole, or both; it is shown once`() throws {
    let pieces = try hear(#"{"t":"delta","x":"a"}"#, #"{"t":"delta","x":"b"}"#)
    #expect(pieces.testimony.text == "ab" && pieces.shown == "ab")
    let both = try hear(#"{"t":"delta","x":"a"}"#, #"{"t":"delta","x":"b"}"#, #"{"t":"text","x":["ab"]}"#)
    #expect(both.testimony.text == "ab" && both.shown == "ab\n")
    let several = try hear(#"{"t":"text","x":["one"]}"#, #"{"t":"text","x":["two ","three"]}"#)
    #expect(several.testimony.text == "two three" && several.shown == "one\ntwo \nthree\n")
    let anew = try hear(#"{"t":"text","x":["one"]}"#, #"{"t":"delta","x":"t"}"#)
    #expect(anew.testimony.text == "t")
    #expect(try hear().testimony.text == nil)
  }

  @Test
  func `a result that is text is the answer, and any other leaves what was said`() throws {
    let text = try hear(#"{"t":"text","x":["said"]}"#, #"{"t":"ok","x":"result"}"#).testimony
    #expect(text.text == "result" && text.outcome?.output?.text == #""result""#)
    let object = try hear(#"{"t":"text","x":["said"]}"#, #"{"t":"ok","x":{"a":1}}"#).testimony
    #expect(object.text == "said" && object.outcome?.output?.text == #"{"a":1}"#)
  }

  @Test
  func `trouble that an agent told of explains its failure, and a success leaves none`() throws {
    #expect(try hear(#"{"t":"error","x":"hm"}"#).testimony.error == "hm")
    #expect(try hear(#"{"t":"error","x":"hm"}"#, #"{"t":"no"}"#).testimony.error == "hm")
    #expect(try hear(#"{"t":"error","x":"hm"}"#, #"{"t":"no","x":"why"}"#).testimony.error == "why")
    #expect(try hear(#"{"t":"error","x":"hm"}"#, #"{"t":"ok"}"#).testimony.error == nil)
    #expect(try hear(#"{"t":"no","x":"why"}"#, #"{"t":"ok"}"#).testimony.outcome?.isSuccess == true)
  }

  @Test
  func `what an agent is at can be told while it is at it`() throws {
    #expect(try hear(#"{"t":"tool","x":"Bash"}"#).testimony.activity == "Bash")
    #expect(try hear(#"{"t":"tool","x":"Bash"}"#, #"{"t":"end","x":"Bash"}"#).testimony.activity == nil)
    #expect(try hear(#"{"t":"again","x":"429"}"#).testimony.activity == "retrying: 429")
  }

  @Test
  func `figures over a session are kept as they came, and the run has the difference`() throws {
    let lines = [#"{"t":"use","in":5,"out":10,"cost":0.000462}"#, #"{"t":"use","in":5,"out":30,"cost":0.000693}"#]
    func usage(_ baseline: UsageTally.Baseline) throws -> UsageTally {
      try hear(lines[0], lines[1], baseline: baseline).testimony.usage
    }
    let fresh = try usage(.nothing)
    #expect(fresh.text?.text == #"{"in":10,"out":30}"# && fresh.cost == 0.000693 && fresh.cumulative == 30)
    let on = try usage(.figures(JSONText(valid: #"{"cost_usd":0.000462,"out":8}"#)))
    #expect(on.text?.text == #"{"in":10,"out":22}"# && on.cost == 0.000231)
    #expect(on.cumulativeText?.text == #"{"out":30,"cost_usd":0.000693}"#)
    // What was used before is not known: then neither is what this run has used.
    let unknown = try usage(.unknown)
    #expect(unknown.text?.text == #"{"in":10}"# && unknown.cost == nil)
    #expect(unknown.cumulativeText?.text == #"{"out":30,"cost_usd":0.000693}"#)
    // It began to count anew.
    #expect(try usage(.figures(JSONText(valid: #"{"out":100,"cost_usd":9}"#))).text?.text == #"{"in":10,"out":30}"#)
    // Of one figure it is known, of the other not.
    #expect(try usage(.figures(JSONText(valid: #"{"out":1}"#))).cost == nil)
  }

  @Test
  func `no figure that an agent invents is too much, and none is below zero`() throws {
    func usage(_ before: String, _ figures: String...) throws -> UsageTally {
      var tally = UsageTally(cumulative: ["n", UsageTally.cost])
      tally.baseline = .figures(JSONText(valid: before))
      for figure in figures {
        guard case .object(let object) = try JSON.parse(figure) else { continue }
        for member in object.members {
          switch member.value {
          case .integer(let count): tally.add(member.key, .count(count))
          case .number(let number): tally.add(member.key, .number(number))
          default: break
          }
        }
      }
      return tally
    }
    let most = Int64.max
    #expect(try usage(#"{"n":-9000000000000000000}"#, #"{"n":9000000000000000000}"#).text?.text == #"{"n":\#(most)}"#)
    #expect(try usage(#"{"n":1}"#, #"{"n":-5,"cost_usd":-1}"#).text == nil)
    #expect(try usage(#"{"cost_usd":1}"#, #"{"cost_usd":1e308}"#).cost == 1e308)
    #expect(try usage(#"{"cost_usd":1}"#, #"{"cost_usd":1e999}"#).cost == nil)
    // It failed before it counted anything: the session's total is what it was.
    let failed = try usage(#"{"cost_usd":0.5,"n":7}"#, #"{"cost_usd":0,"n":0}"#)
    #expect(failed.cost == 0 && failed.cumulativeText?.text == #"{"cost_usd":0.5,"n":7}"#)
    let long = String(repeating: "x", count: 65)
    #expect(try usage("{}", #"{"\#(long)":1}"#).cumulativeText == nil)
  }

  @Test
  func `what a run has used in any case is known also where its session began elsewhere`() {
    var tally = UsageTally(cumulative: [UsageTally.cost])
    tally.baseline = .unknown
    tally.add(UsageTally.cost, .number(1))
    #expect(tally.certainCost == 0 && tally.cost == nil)
    tally.add(UsageTally.cost, .number(1.75))
    #expect(tally.certainCost == 0.75 && tally.cost == nil)
  }

  @Test
  func `tokens are those in and out, or their sum where that is all there is`() throws {
    func tokens(_ figures: (String, Int64)...) -> Int64? {
      var tally = UsageTally()
      for (name, count) in figures { tally.add(name, .count(count)) }
      return tally.certainTokens
    }
    #expect(tokens(("input_tokens", 3), ("output_tokens", 4), ("total_tokens", 100)) == 7)
    #expect(tokens(("output_tokens", 4)) == 4)
    #expect(tokens(("total_tokens", 9)) == 9)
    #expect(tokens(("cache_read_tokens", 9)) == nil)
    #expect(tokens(("input_tokens", .max), ("output_tokens", 4)) == .max)
  }
}

extension UsageTally {
  /// The whole-session figure of the output in these tests.
  fileprivate var cumulative: Int64? {
    guard let text = cumulativeText?.text, case .object(let object)? = try? JSON.parse(text) else { return nil }
    return object["out"]?.integer
  }
}
