import RPC
import Server
public import Wire

/// The part of JSON Schema that Reeve uses, as a check of real answers. Stricter than the standard: a member that the
/// schema does not know is a fault, since nobody could have read of it.
public struct Schema: Sendable {
  /// What the host says of itself.
  public static let protocolSchema = Schema(Methods.document.json)

  private let document: JSON

  /// The schemas of an OpenRPC document.
  public init(_ document: JSON) { self.document = document }

  /// What is wrong with the result of a method.
  public func faults(in result: JSON, of method: String) -> [String] {
    guard let found = entry(method, in: "methods") else { return ["no such method is told of"] }
    guard let schema = found["result"]?["schema"] else { return ["it tells of no result"] }
    return faults(reread(result), schema, at: "result")
  }

  /// What is wrong with the parameters of a notification.
  public func faults(in params: JSON?, ofNotification method: String) -> [String] {
    guard let found = entry(method, in: "x-notifications"), let members = found["params"]?.array else {
      return ["no such notification is told of"]
    }
    guard let params = params.map(reread), case .object(let object) = params else { return ["it has no parameters"] }
    var faults: [String] = []
    for member in members {
      guard let name = member["name"]?.string, let schema = member["schema"] else { continue }
      if let value = object[name] {
        faults += self.faults(value, schema, at: name)
      } else if member["required"] == true {
        faults.append("\(name) is missing")
      }
    }
    for member in object.members where !members.contains(where: { $0["name"]?.string == member.key }) {
      faults.append("nobody knows of \(member.key)")
    }
    return faults
  }

  private func entry(_ name: String, in list: String) -> JSON? {
    document[list]?.array?.first { $0["name"]?.string == name }
  }

  /// What was written as it is reads as what it says.
  private func reread(_ value: JSON) -> JSON { (try? JSON.parse(value.text)) ?? value }

  private func faults(_ value: JSON, _ schema: JSON, at place: String) -> [String] {
    if let name = schema["$ref"]?.string?.split(separator: "/").last {
      guard let named = document["components"]?["schemas"]?[String(name)] else {
        return ["\(place): no schema \(name)"]
      }
      return self.faults(value, named, at: place)
    }
    if let all = schema["allOf"]?.array { return all.flatMap { self.faults(value, $0, at: place) } }
    if let any = schema["anyOf"]?.array {
      let attempts = any.map { self.faults(value, $0, at: place) }
      return attempts.contains([]) ? [] : attempts.min { $0.count < $1.count } ?? []
    }
    var faults: [String] = []
    if let type = schema["type"]?.string, !isOf(type, value) {
      return ["\(place) is no \(type): \(value.text.prefix(80))"]
    }
    if let words = schema["enum"]?.array, !words.contains(value) { faults.append("\(place) is none of the words") }
    if let least = schema["minimum"]?.integer, let number = value.integer, number < least {
      faults.append("\(place) is below \(least)")
    }
    if let pattern = schema["pattern"]?.string, let text = value.string,
      (try? Regex(pattern).wholeMatch(in: text)) == nil
    {
      faults.append("\(place) is not like \(pattern): \(text)")
    }
    if let items = schema["items"], let list = value.array {
      for (index, element) in list.enumerated() { faults += self.faults(element, items, at: "\(place)[\(index)]") }
    }
    if case .object(let object) = value { faults += self.faults(object, schema, at: place) }
    return faults
  }

  private func faults(_ object: JSONObject, _ schema: JSON, at place: String) -> [String] {
    var faults: [String] = []
    for name in schema["required"]?.array ?? [] {
      if let name = name.string, object[name] == nil { faults.append("\(place).\(name) is missing") }
    }
    // Any value at all may be an object.
    guard schema["type"] != nil else { return faults }
    for member in object.members {
      if let known = schema["properties"]?[member.key] ?? schema["additionalProperties"] {
        faults += self.faults(member.value, known, at: "\(place).\(member.key)")
      } else {
        faults.append("nobody knows of \(place).\(member.key)")
      }
    }
    return faults
  }

  private func isOf(_ type: String, _ value: JSON) -> Bool {
    switch (type, value) {
    case ("string", .string), ("integer", .integer), ("number", .integer), ("number", .number), ("boolean", .bool),
      ("array", .array), ("object", .object), ("null", .null):
      true
    default: false
    }
  }
}
