/// A JSON value as a tree.
public enum JSON: Sendable {
  /// The literal `null`.
  case null
  /// The literal `true` or `false`.
  case bool(Bool)
  /// A number without fraction or exponent that fits 64 bits; never rounded.
  case integer(Int64)
  /// Any other number. One too large for a double is read as infinity: the text is good JSON, and one absurd number must
  /// not cost a reader the rest of it.
  case number(Double)
  /// A string.
  case string(String)
  /// An array.
  case array([JSON])
  /// An object.
  case object(JSONObject)
  /// JSON text of one line that the scanner has accepted, written byte for byte; never made by parsing.
  case raw([UInt8])
}

extension JSON: Equatable {
  /// Whether both are the same kind of value with the same content; raw text is compared as bytes.
  ///
  /// Strings are the same when their code points are: Swift's own comparison also takes canonically equivalent ones, which
  /// JSON tells apart.
  public static func == (left: JSON, right: JSON) -> Bool {
    switch left {
    case .null: if case .null = right { return true }
    case .bool(let value): if case .bool(value) = right { return true }
    case .integer(let value): if case .integer(value) = right { return true }
    case .number(let value): if case .number(value) = right { return true }
    case .string(let value): if case .string(let other) = right { return value.utf8.elementsEqual(other.utf8) }
    case .array(let value): if case .array(let other) = right { return value == other }
    case .object(let value): if case .object(let other) = right { return value == other }
    case .raw(let value): if case .raw(let other) = right { return value == other }
    }
    return false
  }
}
