internal import Host
internal import Wire

/// `reeve doctor`
enum DoctorCommand {
  static var command: Command {
    Command(
      name: "doctor", words: "", least: 0, most: 0, options: [Command.json],
      summary: "Looks whether Reeve can keep its promises here, and says what to do where it cannot.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let surroundings = try Surroundings()
    let findings = Doctor(statePath: surroundings.statePath, catalog: surroundings.catalog).examine()
    let isSound = !findings.contains { $0.health == .broken }
    if arguments.has("json") {
      let json: JSON = ["ok": .bool(isSound), "findings": .array(findings.map(\.json))]
      Terminal.print(json.text + "\n")
    } else {
      Terminal.print(findings.map(\.text).joined())
    }
    return isSound ? .succeeded : .trouble
  }
}
