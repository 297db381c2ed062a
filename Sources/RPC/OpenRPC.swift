public import Wire

/// A method as clients read of it.
public struct MethodDescription: Sendable {
  /// Its name.
  public let name: String
  /// What it does, in one line.
  public let summary: String
  /// What it takes, in the order in which it may be given by place.
  public let parameters: [Member]
  /// Whether it also takes what it does not list, as `initialize` must: every editor sends something else.
  public let isOpen: Bool
  /// What it answers; nil for one that is only ever notified.
  public let result: Shape?
  /// The errors of our own that it may answer.
  public let errors: [ErrorDescription]

  /// A method.
  public init(
    _ name: String, _ summary: String, takes parameters: [Member] = [], isOpen: Bool = false, gives result: Shape?,
    errors: [ErrorDescription] = []
  ) {
    self.name = name
    self.summary = summary
    self.parameters = parameters
    self.isOpen = isOpen
    self.result = result
    self.errors = errors
  }
}

/// An error of an application's own.
public struct ErrorDescription: Sendable {
  /// Its number.
  public let code: Int
  /// Its word, in `data.name`.
  public let name: String
  /// When it comes, for people.
  public let meaning: String
  /// What else is in `data`.
  public let data: [Member]

  /// An error.
  public init(code: Int, name: String, meaning: String, data: [Member] = []) {
    self.code = code
    self.name = name
    self.meaning = meaning
    self.data = data
  }
}

/// An OpenRPC document: what a server can do, for programs that generate clients, and for ours that checks answers.
public struct OpenRPC: Sendable {
  /// The name of the service.
  public let title: String
  /// Its version.
  public let version: String
  /// What it can be asked.
  public let methods: [MethodDescription]
  /// What it says unasked.
  public let notifications: [MethodDescription]
  /// The shapes that have names.
  public let definitions: [(name: String, shape: Shape)]

  /// A document of these parts.
  public init(
    title: String, version: String, methods: [MethodDescription], notifications: [MethodDescription],
    definitions: [(name: String, shape: Shape)]
  ) {
    self.title = title
    self.version = version
    self.methods = methods
    self.notifications = notifications
    self.definitions = definitions
  }

  /// The document.
  public var json: JSON {
    var schemas = JSONObject()
    for definition in definitions { schemas[definition.name] = definition.shape.schema }
    return [
      "openrpc": "1.4.1", "info": ["title": .string(title), "version": .string(version)],
      "methods": .array(methods.map(Self.method)), "components": ["schemas": .object(schemas)],
      // The specification has no place for what a server says unasked.
      "x-notifications": .array(notifications.map(Self.method)),
    ]
  }

  private static func method(_ method: MethodDescription) -> JSON {
    var object: JSONObject = [
      "name": .string(method.name), "summary": .string(method.summary), "paramStructure": "either",
      "params": .array(method.parameters.map(descriptor)),
    ]
    if let result = method.result { object["result"] = ["name": "result", "schema": result.schema] }
    if !method.errors.isEmpty {
      object["errors"] = .array(
        method.errors.map { ["code": .integer(Int64($0.code)), "message": .string($0.name)] })
    }
    return .object(object)
  }

  private static func descriptor(_ member: Member) -> JSON {
    [
      "name": .string(member.name), "description": .string(member.meaning), "required": .bool(member.isRequired),
      "schema": member.shape.schema,
    ]
  }
}
