internal import Wire

/// What ties a JSON-RPC response to its request.
public enum RPCIdentifier: Hashable, Sendable {
  /// A whole number.
  case integer(Int64)
  /// A string.
  case string(String)
  /// None: an answer to something whose identifier could not be read, or a request that used `null` itself.
  case null

  /// The identifier a value is; nil for a fraction, a number beyond 64 bits, and anything else that cannot be one.
  init?(_ value: JSON) {
    switch value {
    case .integer(let number): self = .integer(number)
    case .string(let text): self = .string(text)
    case .null: self = .null
    case .bool, .number, .array, .object, .raw: return nil
    }
  }

  /// The identifier as a value.
  var json: JSON {
    switch self {
    case .integer(let number): .integer(number)
    case .string(let text): .string(text)
    case .null: .null
    }
  }
}
