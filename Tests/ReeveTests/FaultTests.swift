import Glibc
import Kernel
import Model
import Support
import Testing
import Wire

/// The Nth call fails, for N = 1, 2, … until a run has fewer calls.
///
/// Here only some of them, another choice each time: REEVE_FAULT_STRIDE=1 takes every one.
@Suite(.tags(.large))
struct FaultTests {
  /// Whose calls fail.
  enum Calls: String, CaseIterable, Sendable {
    /// Those to SQLite.
    case sqlite
    /// Those to the system.
    case system

    var stride: Int {
      TestEnvironment.value("REEVE_FAULT_STRIDE").flatMap { Int($0) } ?? (self == .sqlite ? 2 : 7)
    }
  }

  // R18, M8, M9, T2, W8
  @Test(arguments: Calls.allCases)
  func `whichever call fails, the run ends once or never began, and nothing is left`(calls: Calls) throws {
    let stride = calls.stride
    let offset = TestEnvironment.value("REEVE_FAULT_OFFSET").flatMap { Int($0) } ?? Int.random(in: 1...stride)
    print("faults: \(calls.rawValue), every \(stride) from REEVE_FAULT_OFFSET=\(offset)")
    let library = try Repository.program("libFaults.so")
    let script = #"""
      echo '{"type":"usage","input_tokens":3}'; echo '{"type":"result","status":"ok","output":"done"}'
      exec sleep 1000
      """#
    var turn = offset
    var (clean, ended) = (false, 0)
    while !clean {
      let world = try World()
      let what = "\(calls.rawValue) call \(turn)"
      let mark = world.path("fault")
      let words = [
        "REEVE_FAULTS=\(calls.rawValue):\(turn)", "REEVE_FAULTS_MARK=\(mark)", try Repository.program("reeve"), "run",
        "script", script, "--json", "--wait", "gone", "--limit", "leave=20ms", "--limit", "grace=50ms",
      ]
      // In front of reeve alone, not of what starts it.
      let reeve = try Child(
        "LD_PRELOAD=\(library)", words, environment: world.environment, directory: world.folder.path)
      try eventually(
        "\(what), \((try? contents(mark)) ?? ""): it does not end; it said: \(reeve.output) \(reeve.errors)"
      ) { reeve.poll() != nil }
      clean = !world.has("fault")
      let story = "\(what), \((try? contents(mark)) ?? "none")"
      try world.expectInvariants(story)
      for line in reeve.output.split(separator: "\n") {
        let told = try JSON.parse(String(line))
        guard told["recorded"] == .bool(true) else { continue }
        let row = try world.run()
        #expect(row.status.rawValue == told["status"]?.string && row.id.description == told["id"]?.string, "\(what)")
        ended += 1
      }
      // It fails with a reason.
      #expect(
        reeve.poll() == .code(0) || reeve.errors != "" || reeve.output != "",
        "\(what): \(reeve.poll().map { "\($0)" } ?? "")")
      turn += stride
    }
    #expect(turn > 100 && ended > 0, "\(calls.rawValue): \(turn), \(ended)")
  }
}
