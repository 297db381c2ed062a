public import Wire

/// A parameter of a method: what it is called, what it looks like, and how it is read.
public struct Parameter<Value>: Sendable {
  /// As clients read of it.
  public let member: Member
  /// Reads what was given, nil when nothing was.
  let read: @Sendable (JSON?) throws(RPCError) -> Value

  /// One that must be given.
  public static func required(
    _ name: String, _ shape: Shape, _ meaning: String, _ read: @escaping @Sendable (JSON) throws(RPCError) -> Value
  ) -> Parameter {
    Parameter(member: Member(name, shape, meaning)) { (value) throws(RPCError) in
      guard let value else { throw .wrong("“\(name)” is required") }
      return try read(value)
    }
  }

  /// One that may be left out, and what holds then.
  public static func optional(
    _ name: String, _ shape: Shape, _ meaning: String, else fallback: Value,
    _ read: @escaping @Sendable (JSON) throws(RPCError) -> Value
  ) -> Parameter where Value: Sendable {
    Parameter(member: .optional(name, shape, meaning)) { (value) throws(RPCError) in
      guard let value else { return fallback }
      return try read(value)
    }
  }

  /// The same parameter, which need not be given.
  public var orNothing: Parameter<Value?> {
    let read = read
    return Parameter<Value?>(member: .optional(member.name, member.shape, member.meaning)) { (value) throws(RPCError) in
      guard let value else { return nil }
      return try read(value)
    }
  }
}

extension Parameter<String> {
  /// A text that must be given.
  public static func text(_ name: String, _ meaning: String) -> Parameter {
    .required(name, .text, meaning) { (value) throws(RPCError) in
      guard case .string(let text) = value else { throw .wrong("“\(name)” must be a string") }
      return text
    }
  }
}

extension Parameter<Int64> {
  /// A number of something.
  public static func count(_ name: String, _ meaning: String, in range: ClosedRange<Int64>, else fallback: Int64)
    -> Parameter
  {
    .optional(name, .integer(atLeast: range.lowerBound), meaning, else: fallback) { (value) throws(RPCError) in
      guard case .integer(let number) = value else { throw .wrong("“\(name)” must be a whole number") }
      guard range.contains(number) else {
        throw .wrong("“\(name)” must be from \(range.lowerBound) to \(range.upperBound)")
      }
      return number
    }
  }
}

extension Parameter<Bool> {
  /// Something that is so only if it is said.
  public static func flag(_ name: String, _ meaning: String) -> Parameter {
    .optional(name, .boolean, meaning, else: false) { (value) throws(RPCError) in
      guard case .bool(let flag) = value else { throw .wrong("“\(name)” must be true or false") }
      return flag
    }
  }
}

extension Parameter where Value: RawRepresentable<String> & CaseIterable & Sendable {
  /// One of the words that the type has.
  public static func word(_ name: String, _ meaning: String) -> Parameter {
    let words = Value.allCases.map(\.rawValue)
    return .required(name, .word(words), meaning) { (value) throws(RPCError) in
      guard case .string(let text) = value else { throw .wrong("“\(name)” must be a string") }
      guard let word = Value(rawValue: text) else {
        throw .wrong("“\(name)” is one of \(words.map { "“\($0)”" }.joined(separator: ", "))")
      }
      return word
    }
  }
}

/// What a call was given, read by the parameters that its method has. What the method does not have is an error that
/// names it.
public struct Given: Sendable {
  private var values: [String: JSON] = [:]
  private let known: Set<String>

  /// Takes parameters by name, or by place as the method lists them; null is as good as absent.
  public init(_ params: JSON?, of members: [Member], isOpen: Bool = false) throws(RPCError) {
    known = Set(members.map(\.name))
    switch params {
    case nil: break
    case .object(let object):
      for member in object.members {
        guard known.contains(member.key) else {
          if isOpen { continue }
          throw .wrong("there is no parameter “\(member.key)”")
        }
        take(member.value, as: member.key)
      }
    case .array(let list):
      guard list.count <= members.count else {
        throw .wrong("\(list.count) parameters were given; there are \(members.count)")
      }
      for (member, value) in zip(members, list) { take(value, as: member.name) }
    default: throw .wrong("parameters are given as an object or an array")
    }
  }

  private mutating func take(_ value: JSON, as name: String) {
    if case .null = value { return }
    values[name] = value
  }

  /// What was given for a parameter.
  public subscript<Value>(_ parameter: Parameter<Value>) -> Value {
    get throws(RPCError) {
      // A method that reads what it does not list would never get it: that shows at its first call.
      precondition(known.contains(parameter.member.name), "“\(parameter.member.name)” is not listed")
      return try parameter.read(values[parameter.member.name])
    }
  }

  /// All that was given, in the order of its names: what tells one request from another.
  public var all: [(name: String, value: JSON)] { values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
}

extension RPCError {
  /// Parameters that a method cannot take, and why.
  public static func wrong(_ message: String) -> RPCError { RPCError(code: invalidParams.code, message: message) }
}
