import Support
import Testing
import RPC
import Wire

@Suite(.tags(.small)) struct MessageTests {
  @Test(arguments: [
    (
      #"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
      RPCMessage.request(id: .integer(1), method: "subtract", params: .array([.integer(42), .integer(23)]))
    ),
    (
      #"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42}, "id": "x"}"#,
      .request(id: .string("x"), method: "subtract", params: .object(["minuend": .integer(42)]))
    ),
    (#"{"jsonrpc": "2.0", "method": "foobar", "id": null}"#, .request(id: .null, method: "foobar", params: nil)),
    (
      #"{"jsonrpc": "2.0", "method": "update", "params": [1]}"#,
      .notification(method: "update", params: .array([.integer(1)]))
    ),
    (#"{"jsonrpc": "2.0", "method": "foobar"}"#, .notification(method: "foobar", params: nil)),
    (#"{"jsonrpc": "2.0", "result": -19, "id": 2}"#, .success(id: .integer(2), result: .integer(-19))),
    (#"{"jsonrpc": "2.0", "result": null, "id": 2}"#, .success(id: .integer(2), result: .null)),
    (
      #"{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}"#,
      .failure(id: .string("1"), .methodNotFound)
    ),
    (
      #"{"jsonrpc": "2.0", "error": {"code": 1003, "message": "no", "data": {"status": "failed"}}, "id": null}"#,
      .failure(id: .null, RPCError(code: 1003, message: "no", data: .object(["status": .string("failed")])))
    ),
    (
      #"{"jsonrpc": "2.0", "method": "rpc.discover", "id": 1, "extra": true}"#,
      .request(id: .integer(1), method: "rpc.discover", params: nil)
    ),
  ])
  func `a good message is read, and reads the same after it was written`(text: String, message: RPCMessage) {
    #expect(parse(text) == .single(.message(message)))
    var line: [UInt8] = []
    message.encode(to: &line)
    #expect(parse(String(decoding: line, as: UTF8.self)) == .single(.message(message)))
  }

  @Test(arguments: [
    #"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#, "", "NaN", "{\"jsonrpc\":\"2.0\"",
    #"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method"]"#,
    #"{"jsonrpc":"2.0","method":"\ud800","id":1}"#,
  ])
  func `what is not JSON is a parse error without an identifier`(text: String) {
    #expect(errors(parse(text)) == [Invalid(id: .null, code: -32700)])
  }

  @Test(arguments: [
    (#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#, RPCIdentifier.null),
    (#"{"jsonrpc": "2.0", "method": 1, "id": 5}"#, .integer(5)), (#"{"method": "a", "id": 5}"#, .integer(5)),
    (#"{"jsonrpc": "1.0", "method": "a", "id": "x"}"#, .string("x")), (#"{"jsonrpc": 2.0, "method": "a"}"#, .null),
    (#"{"jsonrpc": "2.0", "method": "a", "params": "bar", "id": 5}"#, .integer(5)),
    (#"{"jsonrpc": "2.0", "method": "a", "id": 1.5}"#, .null),
    (#"{"jsonrpc": "2.0", "method": "a", "id": 1.0}"#, .null),
    (#"{"jsonrpc": "2.0", "method": "a", "id": 9223372036854775808}"#, .null),
    (#"{"jsonrpc": "2.0", "method": "a", "id": [1]}"#, .null),
    (#"{"jsonrpc": "2.0", "method": "a", "id": true}"#, .null),
    (#"{"jsonrpc": "2.0", "id": 7}"#, .integer(7)), ("{}", .null), ("1", .null), ("\"a\"", .null), ("[]", .null),
    ("null", .null), (#"{"jsonrpc": "2.0", "result": 1}"#, .null),
    (#"{"jsonrpc": "2.0", "result": 1, "error": {"code": 1, "message": "x"}, "id": 7}"#, .null),
    (#"{"jsonrpc": "2.0", "error": {"code": 1.5, "message": "x"}, "id": 7}"#, .null),
    (#"{"jsonrpc": "2.0", "error": {"code": 1}, "id": 7}"#, .null), (#"{"result": 1, "id": 7}"#, .null),
    (#"{"jsonrpc": "2.0", "error": null, "id": 7}"#, .null),
  ])
  func `a bad message is an invalid request, with its own identifier only if it could be a call`(
    text: String, id: RPCIdentifier
  ) {
    #expect(errors(parse(text)) == [Invalid(id: id, code: -32600)])
  }

  @Test func `a batch is read message by message, bad ones among good ones`() {
    let input = parse(
      """
      [{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
       {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
       {"foo": "boo"}, 1]
      """)
    guard case .batch(let items) = input, items.count == 4 else {
      Issue.record("\(input)")
      return
    }
    #expect(
      items[0]
        == .message(
          .request(id: .string("1"), method: "sum", params: .array([.integer(1), .integer(2), .integer(4)]))))
    #expect(items[1] == .message(.notification(method: "notify_hello", params: .array([.integer(7)]))))
    #expect(
      errors(.batch([items[2], items[3]])) == [Invalid(id: .null, code: -32600), Invalid(id: .null, code: -32600)])
    #expect(errors(parse("[1,2,3]")).count == 3)
  }

  @Test func `a message is written with just the members of the specification, on one line`() {
    #expect(
      line(.request(id: .integer(1), method: "a", params: .object([:])))
        == #"{"jsonrpc":"2.0","id":1,"method":"a","params":{}}"# + "\n")
    #expect(line(.notification(method: "a\n", params: nil)) == #"{"jsonrpc":"2.0","method":"a\n"}"# + "\n")
    #expect(line(.success(id: .string("x"), result: .null)) == #"{"jsonrpc":"2.0","id":"x","result":null}"# + "\n")
    #expect(
      line(.failure(id: .null, .parseError))
        == #"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}"# + "\n")
    #expect(
      line(.failure(id: .integer(2), .invalidParams.with(data: .bool(true))))
        == #"{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"Invalid params","data":true}}"# + "\n")
  }

  private struct Invalid: Equatable {
    var id: RPCIdentifier
    var code: Int
  }

  private func parse(_ text: String) -> RPCInput { RPCInput.parse(Array(text.utf8).span.bytes) }

  private func errors(_ input: RPCInput) -> [Invalid] {
    let items: [RPCInput.Item]
    switch input {
    case .single(let item): items = [item]
    case .batch(let all): items = all
    }
    return items.compactMap { item in
      guard case .invalid(let id, let error) = item else { return nil }
      return Invalid(id: id, code: error.code)
    }
  }

  private func line(_ message: RPCMessage) -> String {
    var output: [UInt8] = []
    message.encode(to: &output)
    return String(decoding: output, as: UTF8.self)
  }

  @Test
  func `a batch that is too long is refused as a whole, with one answer`() {
    let text = "[" + Array(repeating: "1", count: RPCInput.longestBatch + 1).joined(separator: ",") + "]"
    guard case .single(.invalid(id: .null, let error)) = RPCInput.parse(Array(text.utf8).span.bytes) else {
      Issue.record("it was read as a batch")
      return
    }
    #expect(error.code == RPCError.invalidRequest.code)
  }
}
