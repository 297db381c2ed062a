internal import Host
internal import Kernel
internal import Model
internal import Wire

/// `reeve cancel RUN`
enum CancelCommand {
  static var command: Command {
    Command(
      name: "cancel", words: "RUN", least: 1, most: 1,
      options: [Option(name: "now", meaning: "leave it no time to end in good order"), Command.json],
      summary: "Ends a run, whichever reeve owns it.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let lookup = try RunLookup(try Surroundings())
    let run = try lookup.run(arguments.words[0])
    var answer: JSON = ["cancelled": false, "run": RunJSON.object(run, isExcerpt: true)]
    // A run of which nothing is left needs nobody to be told.
    if run.gone == nil {
      let expires = Clock.wallMilliseconds() + HostClient.patience.milliseconds
      var params: JSONObject = ["run": .string(run.id.description), "expires": .integer(expires)]
      if arguments.has("now") { params["urgency"] = "now" }
      if let owner = try Owner.of(run, in: lookup.state) {
        answer = try owner.call("run/cancel", .object(params))
      } else {
        // Its host had died, and it is settled now, unless somebody else is just about to.
        let settled = try lookup.run(run.id.description)
        guard settled.status.isTerminal else {
          throw CommandFailure(
            .trouble, "the host \(run.host) has died, and what it left is not settled yet; try again")
        }
        answer = ["cancelled": false, "run": RunJSON.object(settled, isExcerpt: true)]
      }
    }
    if arguments.has("json") {
      Terminal.print(answer.text + "\n")
    } else if case .object(let object) = answer, object["cancelled"] == .bool(true) {
      Terminal.print("cancelled \(run.id)\n")
    } else {
      Terminal.print("\(run.id) had already ended: \(status(answer) ?? run.status.rawValue)\n")
    }
    return .succeeded
  }

  private static func status(_ answer: JSON) -> String? {
    guard case .object(let object) = answer, case .object(let run)? = object["run"],
      case .string(let status)? = run["status"]
    else { return nil }
    return status
  }
}
