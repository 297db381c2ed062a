public import Wire

/// What a value looks like: said once, for the check of what comes in, the schema that clients read, and the documents.
public indirect enum Shape: Sendable {
  /// Any JSON value.
  case any
  case boolean
  /// A whole number, not below this.
  case integer(atLeast: Int64?)
  case number
  /// A string; the pattern is for whoever reads the schema.
  case string(pattern: String?)
  /// One of some words.
  case word([String])
  case list(of: Shape)
  /// An object whose keys are anybody's.
  case map(of: Shape)
  /// An object with these members. Others may be added in later versions.
  case object([Member])
  /// Any of these.
  case either([Shape])
  case null
  /// A shape with a name, which stands among the definitions.
  case named(String)

  /// Any string.
  public static let text = Shape.string(pattern: nil)
  /// Any whole number.
  public static let whole = Shape.integer(atLeast: nil)
  /// How many there are.
  public static let count = Shape.integer(atLeast: 0)

  /// The same, or null for what is unknown.
  public var orNull: Shape { .either([self, .null]) }

  /// The shape as JSON Schema.
  public var schema: JSON {
    switch self {
    case .any: [:]
    case .boolean: ["type": "boolean"]
    case .integer(nil): ["type": "integer"]
    case .integer(let least?): ["type": "integer", "minimum": .integer(least)]
    case .number: ["type": "number"]
    case .string(nil): ["type": "string"]
    case .string(let pattern?): ["type": "string", "pattern": .string(pattern)]
    case .word(let words): ["type": "string", "enum": .array(words.map { .string($0) })]
    case .list(let element): ["type": "array", "items": element.schema]
    case .map(let value): ["type": "object", "additionalProperties": value.schema]
    case .object(let members): Self.object(members)
    case .either(let shapes): ["anyOf": .array(shapes.map(\.schema))]
    case .null: ["type": "null"]
    case .named(let name): ["$ref": .string("#/components/schemas/\(name)")]
    }
  }

  private static func object(_ members: [Member]) -> JSON {
    var properties = JSONObject()
    for member in members { properties[member.name] = member.schema }
    var object: JSONObject = ["type": "object", "properties": .object(properties)]
    let required = members.filter(\.isRequired).map { JSON.string($0.name) }
    if !required.isEmpty { object["required"] = .array(required) }
    return .object(object)
  }

  /// The shape in few words, for tables that people read.
  public var words: String {
    switch self {
    case .any: "any"
    case .boolean: "boolean"
    case .integer: "integer"
    case .number: "number"
    case .string: "string"
    case .word(let words): words.map { "`\($0)`" }.joined(separator: ", ")
    case .list(let element): "list of \(element.words)"
    case .map(let value): "object of \(value.words)"
    case .object(let members): "{\(members.map { $0.isRequired ? $0.name : "\($0.name)?" }.joined(separator: ", "))}"
    case .either(let shapes): shapes.map(\.words).joined(separator: " or ")
    case .null: "null"
    case .named(let name): name
    }
  }
}

/// A member of an object.
public struct Member: Sendable {
  /// Its key.
  public let name: String
  /// What its value looks like.
  public let shape: Shape
  /// What it is, for people.
  public let meaning: String
  /// Whether it is always there.
  public let isRequired: Bool

  /// A member that is always there.
  public init(_ name: String, _ shape: Shape, _ meaning: String = "") {
    self.init(name, shape, meaning, isRequired: true)
  }

  /// A member that may be absent.
  public static func optional(_ name: String, _ shape: Shape, _ meaning: String = "") -> Member {
    Member(name, shape, meaning, isRequired: false)
  }

  private init(_ name: String, _ shape: Shape, _ meaning: String, isRequired: Bool) {
    self.name = name
    self.shape = shape
    self.meaning = meaning
    self.isRequired = isRequired
  }

  /// The member's schema, with what it means.
  var schema: JSON {
    guard case .object(var schema) = shape.schema, !meaning.isEmpty else { return shape.schema }
    // Beside a reference nothing else is read.
    if schema["$ref"] != nil { return ["allOf": [.object(schema)], "description": .string(meaning)] }
    schema["description"] = .string(meaning)
    return .object(schema)
  }
}
