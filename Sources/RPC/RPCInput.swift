internal import Wire

/// What one line of JSON-RPC holds.
public enum RPCInput: Equatable, Sendable {
  /// One message, answered by one.
  case single(Item)
  /// A batch, answered by an array of the answers its messages get.
  case batch([Item])

  /// One message as read.
  public enum Item: Equatable, Sendable {
    /// A good message.
    case message(RPCMessage)
    /// A bad one, with the answer it gets: to its own identifier if that could be read.
    case invalid(id: RPCIdentifier, RPCError)
  }

  /// A longer batch is refused as a whole: each of its messages would cost an answer.
  public static let longestBatch = 1000

  /// Reads a line.
  public static func parse(_ line: RawSpan) -> RPCInput {
    let value: JSON
    do {
      value = try JSON.parse(line)
    } catch {
      let data: JSONObject = ["reason": .string(error.message), "offset": .integer(Int64(error.offset))]
      return .single(.invalid(id: .null, .parseError.with(data: .object(data))))
    }
    guard case .array(let values) = value else { return .single(Item(value)) }
    guard !values.isEmpty else { return .single(.invalid(id: .null, .invalid("an empty batch"))) }
    guard values.count <= longestBatch else {
      return .single(.invalid(id: .null, .invalid("a batch of \(values.count) messages; at most \(longestBatch)")))
    }
    return .batch(values.map { Item($0) })
  }
}

extension RPCInput.Item {
  fileprivate init(_ value: JSON) {
    guard case .object(let object) = value else {
      self = .invalid(id: .null, .invalid("not an object"))
      return
    }
    do {
      let isCall = object["method"] != nil || object["result"] == nil && object["error"] == nil
      self = .message(try isCall ? Self.call(object) : Self.response(object))
    } catch {
      self = .invalid(id: error.id, .invalid(error.reason))
    }
  }

  /// Why a message is bad, and whom to tell.
  private struct Objection: Error {
    var id: RPCIdentifier
    var reason: String
  }

  private static func call(_ object: JSONObject) throws(Objection) -> RPCMessage {
    let id: RPCIdentifier?
    if let value = object["id"] {
      id = RPCIdentifier(value)
      guard id != nil else { throw Objection(id: .null, reason: "id is no integer, string or null") }
    } else {
      id = nil
    }
    guard isVersion2(object) else { throw Objection(id: id ?? .null, reason: "jsonrpc is not \"2.0\"") }
    guard case .string(let method)? = object["method"] else {
      throw Objection(id: id ?? .null, reason: "method is no string")
    }
    // Some clients say null where they mean nothing.
    let params = object["params"].flatMap { $0 == .null ? nil : $0 }
    switch params {
    case nil, .array, .object: break
    case .null, .bool, .integer, .number, .string, .raw:
      throw Objection(id: id ?? .null, reason: "params is no object or array")
    }
    guard let id else { return .notification(method: method, params: params) }
    return .request(id: id, method: method, params: params)
  }

  /// An objection to a response never bears its identifier: that is one of ours, and in the answer the peer would take it
  /// for one of its own.
  private static func response(_ object: JSONObject) throws(Objection) -> RPCMessage {
    guard isVersion2(object) else { throw Objection(id: .null, reason: "jsonrpc is not \"2.0\"") }
    guard let id = object["id"].flatMap(RPCIdentifier.init) else {
      throw Objection(id: .null, reason: "a response without a proper id")
    }
    switch (object["result"], object["error"]) {
    case (let result?, nil): return .success(id: id, result: result)
    case (nil, let value?):
      guard let error = RPCError(value) else { throw Objection(id: .null, reason: "error lacks its code or message") }
      return .failure(id: id, error)
    case (_?, _?), (nil, nil): throw Objection(id: .null, reason: "not one of result and error")
    }
  }

  private static func isVersion2(_ object: JSONObject) -> Bool { object["jsonrpc"] == .string("2.0") }
}

extension RPCError {
  fileprivate static func invalid(_ reason: String) -> RPCError {
    .invalidRequest.with(data: .object(["reason": .string(reason)]))
  }
}
