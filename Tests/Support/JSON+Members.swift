public import Wire

extension JSON {
  /// A member of an object.
  public subscript(_ key: String) -> JSON? {
    if case .object(let object) = self { object[key] } else { nil }
  }

  /// The string that it is.
  public var string: String? { if case .string(let string) = self { string } else { nil } }

  /// The whole number that it is.
  public var integer: Int64? { if case .integer(let integer) = self { integer } else { nil } }

  /// The number that it is, whole or not.
  public var number: Double? {
    switch self {
    case .integer(let integer): Double(integer)
    case .number(let number): number
    default: nil
    }
  }

  /// The elements that it has.
  public var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }
}
