public import Wire

/// A JSON-RPC 2.0 message.
public enum RPCMessage: Equatable, Sendable {
  /// A call that must be answered.
  case request(id: RPCIdentifier, method: String, params: JSON?)
  /// A call that must not be answered.
  case notification(method: String, params: JSON?)
  /// The answer to a call that went well.
  case success(id: RPCIdentifier, result: JSON)
  /// The answer to a call that did not.
  case failure(id: RPCIdentifier, RPCError)

  /// Appends the message as one line, the newline included.
  public func encode(to output: inout [UInt8]) { Framing.lines.append(self, to: &output) }

  /// Just the members of the specification: some clients refuse a message with any other.
  var json: JSON {
    var object: JSONObject = ["jsonrpc": .string("2.0")]
    switch self {
    case .request(let id, let method, let params):
      object["id"] = id.json
      object["method"] = .string(method)
      object["params"] = params
    case .notification(let method, let params):
      object["method"] = .string(method)
      object["params"] = params
    case .success(let id, let result):
      object["id"] = id.json
      object["result"] = result
    case .failure(let id, let error):
      object["id"] = id.json
      object["error"] = error.json
    }
    return .object(object)
  }
}
