internal import Glibc
internal import Host
internal import Kernel
internal import Loop
internal import Model
internal import Plugins
internal import RPC
internal import Wire

/// How it stands with the host.
extension Methods {
  static let host = [
    Method(
      "host/status", "How it stands with this host",
      gives: [
        Member("host", .text), Member("version", .text), Member("pid", .whole),
        Member("runs", .map(of: .count), "how many runs there are, by status"),
        Member("stuck", .list(of: Shapes.anIdentifier), "runs with processes that survive SIGKILL"),
        Member("ledger", .word(["ok", "delayed"])), Member("containment", .text), Member("state", .text),
        Member("memory", .object([Member("resident", .count, "bytes")])), Member("uptime_ms", .count),
        Member("draining", .boolean), Member("clients", .count),
      ], status),
    Method(
      "host/doctor", "Looks whether Reeve can keep its promises here",
      isSlow: true, gives: [Member("findings", .list(of: .named("Finding")))]
    ) { session, _, call in
      session.host.examine { result in call.answer(result) { ["findings": .array($0.map(\.json))] } }
    },
    Method(
      "host/drain", "Takes no new work, lets what runs finish for a while, and ends the rest",
      takes: [Wanted.timeout.member], gives: [Member("draining", .boolean)]
    ) { session, given, call in
      session.host.drain(for: try given[Wanted.timeout] ?? session.host.configuration.drain)
      call.succeed(["draining": .bool(session.host.isDraining)])
    },
  ]

  private static let status: Method.Body = { session, _, call in
    let host = session.host
    var runs = JSONObject()
    for run in host.liveRuns {
      let count = if case .integer(let count)? = runs[run.status.rawValue] { count } else { Int64(0) }
      runs[run.status.rawValue] = .integer(count + 1)
    }
    let stuck = host.liveRuns.filter { $0.disposal == .stuck }.map { JSON.string($0.id.description) }
    let memory = (try? ProcessTable.stat(getpid())).flatMap { $0 }?.residentBytes ?? 0
    call.succeed([
      "host": .string(host.id.description), "version": .string(Host.version), "pid": .integer(Int64(getpid())),
      "runs": .object(runs), "stuck": .array(stuck),
      "ledger": .string(host.ledgerTrouble == nil ? "ok" : "delayed"),
      "containment": .string(host.containment.rawValue), "state": .string(host.state.root.path),
      "memory": ["resident": .integer(Int64(memory))], "uptime_ms": .integer(host.age.milliseconds),
      "draining": .bool(host.isDraining), "clients": .integer(Int64(session.reception?.clients ?? 0)),
    ])
  }
}
