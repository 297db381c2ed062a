public import Wire

/// The error member of a JSON-RPC response.
public struct RPCError: Error, Equatable, Sendable {
  /// What went wrong, for programs; an application's own codes are positive.
  public var code: Int
  /// What went wrong, for people, in one sentence.
  public var message: String
  /// What a program needs besides the code.
  public var data: JSON?

  /// An error of these parts.
  public init(code: Int, message: String, data: JSON? = nil) {
    self.code = code
    self.message = message
    self.data = data
  }

  /// The text is not JSON.
  public static let parseError = RPCError(code: -32700, message: "Parse error")
  /// The JSON is not a JSON-RPC 2.0 message.
  public static let invalidRequest = RPCError(code: -32600, message: "Invalid Request")
  /// There is no such method.
  public static let methodNotFound = RPCError(code: -32601, message: "Method not found")
  /// The method cannot take these parameters.
  public static let invalidParams = RPCError(code: -32602, message: "Invalid params")
  /// The server has failed.
  public static let internalError = RPCError(code: -32603, message: "Internal error")

  /// The client has withdrawn the call, as language servers have it.
  public static let requestCancelled = RPCError(code: -32800, message: "Request cancelled")

  /// The same error with data.
  public func with(data: JSON) -> RPCError { RPCError(code: code, message: message, data: data) }

  /// The error a response's member holds; nil if it lacks what the specification asks for.
  init?(_ value: JSON) {
    guard case .object(let object) = value, case .integer(let code)? = object["code"],
      case .string(let message)? = object["message"]
    else { return nil }
    self.init(code: Int(code), message: message, data: object["data"])
  }

  /// The error as a response's member.
  public var json: JSON {
    var object: JSONObject = ["code": .integer(Int64(code)), "message": .string(message)]
    object["data"] = data
    return .object(object)
  }
}
