internal import Host
internal import Kernel
internal import Model
internal import Plugins
internal import RPC
internal import Wire

extension Methods {
  /// What language servers begin and end with, and what this one says of itself.
  static let connection = [
    Method(
      "initialize",
      "Says who is there; never required. A client of the background host says here whose work it brings",
      takes: [Wanted.clientEnvironment.member, Wanted.clientDirectory.member], isOpen: true,
      gives: [
        Member("serverInfo", .object([Member("name", .text), Member("version", .text)])),
        Member("capabilities", .map(of: .any)), Member("host", .text, "the name of the host"),
        Member("state", .text, "its state folder"),
      ]
    ) { session, given, call in
      if let environment = try given[Wanted.clientEnvironment] {
        session.caller.adopt(try variables(environment))
      }
      if let directory = try given[Wanted.clientDirectory] { session.caller.directory = directory }
      call.succeed([
        "serverInfo": ["name": "reeve", "version": .string(Host.version)], "capabilities": [:],
        "host": .string(session.host.id.description), "state": .string(session.host.state.root.path),
      ])
    },
    Method("initialized", "Is taken note of", isOpen: true, gives: .null) { _, _, call in call.succeed(.null) },
    Method(
      "shutdown",
      "Begins the end: of a host that is the client's own child, which then lets its runs finish for `drain`; on a socket of this session alone",
      gives: .null
    ) { session, _, call in
      session.shutDown()
      call.succeed(.null)
    },
    Method("exit", "Ends the session now", gives: nil) { session, _, call in
      call.succeed(.null)
      session.end()
    },
    Method(
      "rpc.discover", "Describes all of this, as an OpenRPC document",
      gives: .map(of: .any)
    ) { _, _, call in call.succeed(document.json) },
  ]

  /// Texts as an environment.
  static func variables(_ texts: Wanted.Texts) throws(RPCError) -> [String: String] {
    var environment: [String: String] = [:]
    for variable in texts.pairs {
      guard RunRequest.isVariable(variable.name, variable.value) else {
        // What stands behind a “=” was meant as a value, which nobody is shown.
        let name = variable.name.prefix { $0 != "=" }.prefix(64)
        throw .wrong("“\(name)” is no variable that a program can have")
      }
      environment[variable.name] = variable.value
    }
    return environment
  }
}
