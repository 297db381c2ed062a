import Glibc
import Kernel
public import Model
import Testing

/// A world on one rung, in which an agent that behaves badly is played.
///
/// What is left of the play is killed when the test lets go of it.
public final class Stage {
  /// Where it takes place.
  public let world: World
  /// What holds on to the processes.
  public let rung: Rung
  private let group: TestGroup?
  private let prefix: [String]
  private let reeve: String
  /// The bad agent.
  public let agent: String

  /// A stage on this rung; nil, loudly, where this machine does not have it.
  public init?(_ rung: Rung, for what: String) throws {
    if let obstacle = rung.obstacle {
      skip("\(obstacle): \(what) on \(rung.rawValue)")
      return nil
    }
    self.rung = rung
    world = try World()
    if rung.mask != "" { world.environment["REEVE_MASK"] = rung.mask }
    var (reeve, agent) = (try Repository.program("reeve"), try Repository.program("FakeAgent"))
    guard rung.isUnprivileged else {
      (self.reeve, self.agent, group, prefix) = (reeve, agent, nil, [])
      return
    }
    var group: TestGroup?
    if rung == .delegatedUser {
      group = TestGroup(below: CgroupPlaces.current().unified)
      try #require(group?.delegate(to: TestUser.id) == true)
    }
    // Ours is the folder no longer.
    world.environment["REEVE_PLUGINS"] = world.path("plugins")
    let (isReeveReached, isAgentReached) = (try TestUser.canRun(reeve), try TestUser.canRun(agent))
    if !isReeveReached { reeve = try world.folder.copy(reeve, as: "reeve") }
    if !isAgentReached { agent = try world.folder.copy(agent, as: "FakeAgent") }
    let given = try Child(
      "/bin/chown", ["-R", "\(TestUser.id):\(TestUser.id)", world.folder.path], environment: [:])
    try #require(try given.wait() == .code(0), "\(given.errors)")
    let join = group.map { ["/bin/sh", "-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\"", $0.path] } ?? []
    (self.reeve, self.agent, self.group, prefix) = (reeve, agent, group, join + TestUser.prefix)
  }

  deinit { for process in survivors() { kill(process, SIGKILL) } }

  /// Where the processes of the agent leave their pids.
  public var pidFile: String { world.path("pids") }

  /// A shell script that plays the agent, and waits until so many of its processes have begun.
  public func play(_ words: String, processes: Int) -> String {
    """
    \(agent) \(pidFile) \(words) &
    while [ "$(cat \(pidFile) 2>/dev/null | wc -l)" -lt \(processes) ]; do sleep 0.01; done

    """
  }

  /// A final word.
  public static let success = #"echo '{"type":"result","status":"ok","output":"done"}'"#

  /// Starts `reeve run` with this shell script and these words.
  public func start(_ script: String, _ words: String...) throws -> Child {
    let command = prefix + [reeve, "run", "script", script, "--wait", "gone"] + words
    return try Child(
      command[0], Array(command.dropFirst()), environment: world.environment, directory: world.folder.path)
  }

  /// The pids that the agent's processes have left.
  public func pids() -> [Int32] {
    ((try? contents(pidFile)) ?? "").split(separator: "\n").compactMap { Int32($0) }
  }

  /// What of the agent lives: by the pids it left, and by what it was called with.
  public func survivors() -> [Int32] {
    var found = Set(pids().filter { isAlive($0) })
    try? ProcessTable.forEach { process in
      guard process.isAlive, let line = try? contents("/proc/\(process.pid)/cmdline") else { return }
      if line.split(separator: "\0").contains(Substring(pidFile)) { found.insert(process.pid) }
    }
    return found.sorted()
  }

  /// Expects that a run has ended and nothing of it is left.
  public func expectGone(_ ended: ProcessExit, butFor others: [Int32] = [], errors: String = "") throws {
    #expect(survivors().filter { !others.contains($0) } == [], "\(errors)")
    let run = try world.run()
    #expect(run.disposal == .gone, "it ended with \(ended): \(errors)")
    #expect(run.containment == rung.containment, "\(errors)")
  }
}
