import RPC
import Support
import Testing
import Wire

@Suite(.tags(.small)) struct ConversationTests {
  /// The server of the specification's examples.
  private final class Examples {
    var conversation: Conversation?
    var waiting: [Call] = []

    init(limits: Conversation.Limits = Conversation.Limits()) {
      conversation = Conversation(limits: limits, tooMany: RPCError(code: 1017, message: "too many")) {
        [unowned self] in
        answer($0)
      }
    }

    private func answer(_ call: Call) {
      switch call.method {
      case "subtract":
        guard let numbers = try? Given(call.params, of: [Member("minuend", .whole), Member("subtrahend", .whole)]),
          let first = try? numbers[Self.minuend], let second = try? numbers[Self.subtrahend]
        else { return call.fail(.invalidParams) }
        call.succeed(.integer(first - second))
      case "sum": call.succeed(.integer((call.params?.array ?? []).compactMap(\.integer).reduce(0, +)))
      case "get_data": call.succeed(["hello", .integer(5)])
      case "update", "notify_hello", "notify_sum": call.succeed(.null)
      case "wait": waiting.append(call)
      case "wait well":
        call.onCancel = {}
        waiting.append(call)
      default: call.fail(.methodNotFound)
      }
    }

    private static let minuend = number("minuend")
    private static let subtrahend = number("subtrahend")

    private static func number(_ name: String) -> Parameter<Int64> {
      .required(name, .whole, "") { (value) throws(RPCError) in
        guard case .integer(let number) = value else { throw .invalidParams }
        return number
      }
    }

    /// Says something; what comes back.
    func say(_ text: String) -> String {
      let bytes = Array(text.utf8)
      conversation?.feed(bytes.span.bytes)
      return hear()
    }

    func hear() -> String {
      let said = conversation?.outgoing.withBytes { bytes in
        String(decoding: bytes.withUnsafeBytes { Array($0) }, as: UTF8.self)
      }
      conversation?.sent(conversation?.outgoing.count ?? 0)
      return said ?? ""
    }
  }

  private func same(_ left: String, _ right: String) -> Bool {
    guard !left.isEmpty, !right.isEmpty else { return left == right }
    return (try? JSON.parse(left)) == (try? JSON.parse(right))
  }

  /// The examples of the JSON-RPC 2.0 specification, section 7, in its words. Its error objects may have data beside.
  @Test(arguments: [
    (
      #"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
      #"{"jsonrpc": "2.0", "result": 19, "id": 1}"#
    ),
    (
      #"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
      #"{"jsonrpc": "2.0", "result": -19, "id": 2}"#
    ),
    (
      #"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
      #"{"jsonrpc": "2.0", "result": 19, "id": 3}"#
    ),
    (
      #"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
      #"{"jsonrpc": "2.0", "result": 19, "id": 4}"#
    ),
    (#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, ""),
    (#"{"jsonrpc": "2.0", "method": "foobar"}"#, ""),
    (
      #"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
      #"{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}"#
    ),
    (
      #"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
      #"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}"#
    ),
    (
      #"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
      #"{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#
    ),
    (
      #"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]"#,
      #"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}"#
    ),
    ("[]", #"{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#),
    ("[1]", #"[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]"#),
    (
      "[1,2,3]",
      #"""
      [{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
       {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
       {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]
      """#
    ),
    (
      """
      [{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},\
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},\
      {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},\
      {"foo": "boo"},\
      {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},\
      {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]
      """,
      #"""
      [{"jsonrpc": "2.0", "result": 7, "id": "1"}, {"jsonrpc": "2.0", "result": 19, "id": "2"},
       {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
       {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
       {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}]
      """#
    ),
    (
      #"[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]"#,
      ""
    ),
  ])
  func `the specification's own examples`(question: String, answer: String) throws {
    let said = Examples().say(question + "\n")
    #expect(same(try withoutData(said), answer), "\(said)")
  }

  /// An error may have data, of which the examples show none.
  private func withoutData(_ text: String) throws -> String {
    func strip(_ value: JSON) -> JSON {
      switch value {
      case .array(let list): return .array(list.map(strip))
      case .object(var object):
        if case .object(var error)? = object["error"] {
          error["data"] = nil
          object["error"] = .object(error)
        }
        return .object(object)
      default: return value
      }
    }
    return text.isEmpty ? "" : strip(try JSON.parse(text)).text
  }

  @Test
  func `answers come framed as their calls were`() {
    let examples = Examples()
    let call = #"{"jsonrpc":"2.0","method":"sum","params":[1],"id":1}"#
    let answer = #"{"jsonrpc":"2.0","id":1,"result":1}"#
    #expect(
      examples.say("Content-Length: \(call.utf8.count)\r\n\r\n\(call)")
        == "Content-Length: \(answer.utf8.count)\r\n\r\n\(answer)")
    #expect(examples.say(call + "\n") == answer + "\n")
    examples.conversation?.enqueue("said", [:])
    #expect(examples.hear() == #"{"jsonrpc":"2.0","method":"said","params":{}}"# + "\n")
  }

  @Test
  func `a call that is withdrawn is answered once, with -32800`() throws {
    let examples = Examples()
    #expect(examples.say(#"{"jsonrpc":"2.0","method":"wait well","id":7}"# + "\n") == "")
    let said = examples.say(#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":7}}"# + "\n")
    #expect(try JSON.parse(said)["error"]?["code"] == .integer(-32800))
    examples.waiting[0].succeed(.null)
    #expect(examples.hear() == "")
    #expect(examples.conversation?.pendingCalls == 0)
  }

  @Test
  func `a call that cannot be withdrawn takes its course`() {
    let examples = Examples()
    #expect(examples.say(#"{"jsonrpc":"2.0","method":"wait","id":7}"# + "\n") == "")
    for id in ["7", "8", "{}"] {
      #expect(examples.say(#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":\#(id)}}"# + "\n") == "")
    }
    examples.waiting[0].succeed(true)
    #expect(examples.hear() == #"{"jsonrpc":"2.0","id":7,"result":true}"# + "\n")
  }

  @Test
  func `a second call with the id of one that waits is refused without touching the first`() throws {
    let examples = Examples()
    let call = #"{"jsonrpc":"2.0","method":"wait","id":"x"}"# + "\n"
    #expect(examples.say(call) == "")
    let refusal = try JSON.parse(examples.say(call))
    #expect(refusal["id"] == .null)
    #expect(refusal["error"]?["code"] == .integer(-32600))
    #expect(refusal["error"]?["data"]?["id"]?.string == "x")
    examples.waiting[0].succeed(.integer(1))
    #expect(examples.hear() == #"{"jsonrpc":"2.0","id":"x","result":1}"# + "\n")
    #expect(examples.say(call) == "", "its id is free again")
  }

  @Test
  func `more calls than may wait are refused one by one`() throws {
    var limits = Conversation.Limits()
    limits.pendingCalls = 2
    let examples = Examples(limits: limits)
    for id in 1...2 { #expect(examples.say(#"{"jsonrpc":"2.0","method":"wait","id":\#(id)}"# + "\n") == "") }
    let refusal = try JSON.parse(examples.say(#"{"jsonrpc":"2.0","method":"wait","id":3}"# + "\n"))
    #expect(refusal["error"]?["code"] == .integer(1017))
    #expect(refusal["id"] == .integer(3))
    examples.waiting[0].succeed(.null)
    _ = examples.hear()
    #expect(examples.say(#"{"jsonrpc":"2.0","method":"wait","id":4}"# + "\n") == "")
  }

  @Test
  func `a client that asks for more in one batch than it can be waiting for is heard no more`() {
    var limits = Conversation.Limits()
    limits.batchBytes = 100
    let examples = Examples(limits: limits)
    let call = #"{"jsonrpc":"2.0","method":"sum","params":[1],"id":1}"#
    #expect(examples.say("[" + Array(repeating: call, count: 10).joined(separator: ",") + "]\n") == "")
    #expect(examples.conversation?.isOverflowing == true)
    #expect(examples.conversation?.unread ?? 0 < 200)
    #expect(examples.say(call + "\n") == "")
  }

  @Test
  func `depth is limited and told`() throws {
    let deep = String(repeating: "[", count: 600) + String(repeating: "]", count: 600)
    let said = try JSON.parse(Examples().say(deep + "\n"))
    #expect(said["error"]?["code"] == .integer(-32700))
    #expect(said["error"]?["data"]?["reason"]?.string?.contains("512") == true, "\(said.text)")
  }
}
