import RPC

/// The part of docs/protocol.md that is made from the table of methods.
enum ProtocolDocument {
  static func text(of document: OpenRPC, errors: [ErrorDescription]) -> String {
    let parts =
      ["\n## Methods\n"] + document.methods.map(method) + ["## Notifications of the host\n"]
      + document.notifications.map(method) + ["## Shapes\n"] + document.definitions.map(definition)
      + [errorTable(errors)]
    return parts.joined(separator: "\n")
  }

  private static func method(_ method: MethodDescription) -> String {
    var text = "### `\(method.name)`\n\n\(method.summary).\n"
    if !method.parameters.isEmpty {
      text += "\n| parameter | | |\n|---|---|---|\n" + method.parameters.map(row).joined()
    }
    if method.isOpen { text += "\nOther parameters are passed over.\n" }
    switch method.result {
    case nil: break
    case .object(let members)?:
      text += "\n| result | | |\n|---|---|---|\n" + members.map(row).joined()
    case let shape?: text += "\nResult: \(shape.words).\n"
    }
    if !method.errors.isEmpty {
      text += "\nErrors: \(method.errors.map { "`\($0.name)`" }.joined(separator: ", ")).\n"
    }
    return text
  }

  private static func row(_ member: Member) -> String {
    "| `\(member.name)`\(member.isRequired ? "" : "?") | \(member.shape.words) | \(member.meaning) |\n"
  }

  private static func definition(_ definition: (name: String, shape: Shape)) -> String {
    guard case .object(let members) = definition.shape else {
      return "### \(definition.name)\n\nA \(definition.shape.words).\n"
    }
    return "### \(definition.name)\n\n| member | | |\n|---|---|---|\n" + members.map(row).joined()
  }

  private static func errorTable(_ errors: [ErrorDescription]) -> String {
    let rows = errors.map { error in
      let data = error.data.map { "`\($0.name)`\($0.isRequired ? "" : "?")" }.joined(separator: ", ")
      return "| \(error.code) | `\(error.name)` | \(error.meaning) | \(data) |\n"
    }
    return "## Errors of our own\n\n`data.name` carries the word.\n\n| code | name | when | data |\n|---|---|---|---|\n"
      + rows.joined()
  }
}
