import Glibc
import Kernel
import Ledger
import Model
public import Testing

extension World {
  /// Waits until every host has ended, settles what dead ones left, and expects what must hold whatever has happened: the
  /// list at the end of the failure catalogue.
  public func expectInvariants(_ what: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    // A host may go on by itself when its client has its answer.
    try eventually("\(what): a host lives on", sourceLocation: sourceLocation) {
      guard let hosts = try? Directory.open("\(state)/hosts"), let names = try? hosts.entries() else { return true }
      return try names.filter { $0.hasSuffix(".lock") }.allSatisfy { name in
        if case .held = try FileLock.probe(in: hosts, name: name) { return false }
        return true
      }
    }
    let recovered = try call("recover")
    #expect(recovered.code == .code(0), "\(what): \(recovered.errors)", sourceLocation: sourceLocation)
    let runs = try runs()
    let names = Set(runs.map(\.id.description))
    for run in runs {
      let story = "\(what): run \(run.id) \(run.status)/\(run.reason ?? "-")"
      #expect(run.status.isTerminal, "\(story) is not over", sourceLocation: sourceLocation)
      #expect(
        run.gone != nil && (run.disposal == .gone || run.disposal == .none), "\(story) is not buried: \(run.disposal)",
        sourceLocation: sourceLocation)
      try expectStory(of: run, story, sourceLocation)
    }
    // Nobody bears the mark of a run that is over.
    try eventually("\(what): a marked process lives", sourceLocation: sourceLocation) {
      var marked: [Int32] = []
      try ProcessTable.forEach { process in
        let marks = (ProcessTable.variable("REEVE_RUN", of: process.pid) ?? "").split(separator: ":")
        if process.isAlive, marks.contains(where: { names.contains(String($0)) }) { marked.append(process.pid) }
      }
      return marked.isEmpty
    }
    try expectNoRemains(what, of: Set(runs.map(\.host)), sourceLocation)
  }

  /// Waits until what dead hosts had is settled, by whoever sees to it: a guardian, as a rule.
  public func awaitRecovery(_ what: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try eventually("\(what): not all is settled", sourceLocation: sourceLocation) {
      try #require(try call("recover").code == .code(0), sourceLocation: sourceLocation)
      return try runs().allSatisfy { $0.gone != nil } && Directory.open("\(state)/hosts").entries() == []
    }
  }

  /// Its history: from its beginning to one end, each step from where the one before it led, and the row says the same.
  private func expectStory(of run: RunRecord, _ story: String, _ sourceLocation: SourceLocation) throws {
    guard let reader = try LedgerReader.open(in: try Directory.open(state)) else { return }
    let transitions = try reader.transitions(of: run.id)
    let steps = transitions.map { "\($0.from ?? "")>\($0.to)" }.joined(separator: " ")
    let ends = transitions.filter { Status(rawValue: $0.to)?.isTerminal == true }
    #expect(ends.count == 1, "\(story) has ended \(ends.count) times: \(steps)", sourceLocation: sourceLocation)
    #expect(
      transitions.last?.to == run.status.rawValue && transitions.first?.from == nil
        && zip(transitions, transitions.dropFirst()).allSatisfy { $0.to == $1.from },
      "\(story): \(steps)", sourceLocation: sourceLocation)
    let lines = ((try? contents("\(state)/runs/\(run.id)/transcript.ndjson")) ?? "").split(separator: "\n").count
    #expect(
      Int64(lines) <= run.events || run.flags.contains(.transcriptGap), "\(story) has \(run.events) events of \(lines)",
      sourceLocation: sourceLocation)
  }

  /// No group, no lock, no spill.
  private func expectNoRemains(_ what: String, of hosts: Set<HostID>, _ sourceLocation: SourceLocation) throws {
    let places = CgroupPlaces.current()
    let found = try [places.unified, places.memory, places.pids].compactMap { $0 }.flatMap { place in
      try Directory.open(place).entries().filter { name in hosts.contains { name.hasPrefix("reeve-\($0)") } }
    }
    #expect(found == [], "\(what): groups are left", sourceLocation: sourceLocation)
    let files = (try? Directory.open("\(state)/hosts").entries()) ?? []
    // A background host that was killed is found dead by its lock; the next one takes these over.
    let ofBackground = ["reeve.sock", "background.log"]
    #expect(
      files.filter { !$0.hasSuffix(".lock") && !ofBackground.contains($0) } == [],
      "\(what): files of dead hosts are left",
      sourceLocation: sourceLocation)
  }
}
