import Glibc
import Model
import Support
import Testing

@testable import Kernel

/// The v2 controllers, against plain directories with their files: what is written where, and what is read.
@Suite(.tags(.medium))
struct LaidOutGroupsTests {
  /// A folder that looks like a group, and its path.
  private func layOut(_ path: String, _ files: [String: String]) throws -> String {
    guard mkdir(path, 0o700) == 0 else { throw SystemError(call: "mkdir", code: errno, detail: path) }
    for (name, text) in files { try #require(TestFile.write(Array(text.utf8), to: "\(path)/\(name)")) }
    return path
  }

  private static func sayWhatIsMissing() {
    guard let own = CgroupPlaces.current().unified, let controllers = try? contents("\(own)/cgroup.controllers"),
      controllers.contains("memory")
    else {
      return skip("no memory controller in the v2 tree: its limits and counters, but for a laid-out tree")
    }
  }

  @Test
  func `in a laid-out v2 tree, a host enables the controllers that are offered`() throws {
    Self.sayWhatIsMissing()
    let folder = try TemporaryDirectory()
    var places = CgroupPlaces(mountInfo: "", membership: "")
    let own = try layOut(
      "\(folder.path)/own",
      ["cgroup.controllers": "cpuset cpu memory pids\n", "cgroup.subtree_control": "", "cgroup.procs": ""])
    places.unified = own
    let group = try layOut("\(own)/reeve-x", ["cgroup.subtree_control": "", "cgroup.procs": ""])
    let host = HostGroups(
      named: "reeve-x", places: places, movable: [], features: .all, system: SystemFacts(isSystemdRunning: false))
    #expect(host.findings == [])
    #expect(host.memoryVersion == .v2 && host.pidsVersion == .v2)
    #expect(host.paths == [group])
    #expect(try contents("\(own)/cgroup.subtree_control") == "+memory +pids")
    #expect(try contents("\(group)/cgroup.subtree_control") == "+memory +pids")
  }

  @Test
  func `in a laid-out v2 tree that offers one controller, the other is missed`() throws {
    let folder = try TemporaryDirectory()
    var places = CgroupPlaces(mountInfo: "", membership: "")
    let own = try layOut(
      "\(folder.path)/own", ["cgroup.controllers": "pids\n", "cgroup.subtree_control": "", "cgroup.procs": ""])
    places.unified = own
    _ = try layOut("\(own)/reeve-x", ["cgroup.subtree_control": "", "cgroup.procs": ""])
    let host = HostGroups(
      named: "reeve-x", places: places, movable: [], features: .all, system: SystemFacts(isSystemdRunning: false))
    #expect(host.memoryVersion == nil && host.pidsVersion == .v2)
    #expect(host.findings.map(\.subject) == [.memory])
    #expect(try contents("\(own)/cgroup.subtree_control") == "+pids")
  }

  @Test
  func `in a laid-out v2 tree, a run has its limits written and its counters read`() throws {
    let folder = try TemporaryDirectory()
    let path = try layOut(
      "\(folder.path)/run",
      [
        "cgroup.events": "populated 1\nfrozen 0\n", "cgroup.procs": "12\n345\n", "cgroup.kill": "",
        "memory.max": "", "memory.swap.max": "", "memory.oom.group": "", "pids.max": "",
        "memory.events": "low 0\nhigh 0\nmax 31\noom 7\noom_kill 2\noom_group_kill 1\n",
        "memory.events.local": "low 0\nhigh 0\nmax 31\noom 5\noom_kill 0\noom_group_kill 0\n",
        "memory.current": "4096\n", "memory.peak": "1048576\n",
        "pids.current": "3\n", "pids.peak": "9\n", "pids.events": "max 4\n",
        "cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n",
      ])
    let groups = try RunGroups(
      unified: .open(path), memory: .open(path), memoryVersion: .v2, pids: .open(path), pidsVersion: .v2,
      limits: (2_000_000, 300), features: .all)
    #expect(try contents("\(path)/memory.max") == "2000000")
    #expect(try contents("\(path)/memory.swap.max") == "0")
    #expect(try contents("\(path)/memory.oom.group") == "1")
    #expect(try contents("\(path)/pids.max") == "300")
    #expect(groups.enforcesMemory == .v2 && groups.enforcesTasks == .v2)
    #expect(groups.isPopulated == true)
    #expect(groups.members() == [12, 345])
    #expect(groups.joined == [])
    #expect(groups.memoryEvents != .none)
    #expect(groups.kill() == true)
    #expect(try contents("\(path)/cgroup.kill") == "1")
    #expect(
      groups.reading()
        == RunGroups.Reading(
          memoryPeak: 1_048_576, oomKills: 3, ownOOMs: 5, tasksPeak: 9, tasksRefused: 4,
          cpu: TimeSpan(nanoseconds: 1_500_000)))
    for peak in ["memory.peak", "pids.peak"] { try #require(unlink("\(path)/\(peak)") == 0) }
    // As on a kernel that does not keep the most.
    #expect(groups.reading().memoryPeak == 4096 && groups.reading().tasksPeak == 3)
  }

  @Test
  func `in a laid-out v2 tree of an older kernel, what it does not count is unknown`() throws {
    let folder = try TemporaryDirectory()
    let path = try layOut(
      "\(folder.path)/run",
      [
        "memory.max": "", "pids.max": "", "pids.current": "max\n", "memory.current": "12x\n",
        "memory.events": "low 0\noom 0\noom_kill 0\n",
      ])
    let groups = try RunGroups(
      unified: nil, memory: .open(path), memoryVersion: .v2, pids: .open(path), pidsVersion: .v2,
      limits: (1, 1), features: .all)
    #expect(groups.reading() == RunGroups.Reading(oomKills: 0))
  }

  @Test
  func `a systemd unit is ours when it is marked as delegated`() throws {
    guard access("/usr/bin/python3", X_OK) == 0 else { return skip("no /usr/bin/python3: the mark of delegation") }
    let folder = try TemporaryDirectory()
    let unit = try layOut("\(folder.path)/run-1.scope", [:])
    let group = try layOut("\(unit)/inner", [:])
    let system = SystemFacts(isSystemdRunning: true)
    for (value, isOurs) in [("0", false), ("1", true)] {
      let process = try launch(
        "/usr/bin/python3", ["-S", "-c", "import os; os.setxattr('\(unit)', 'user.delegate', b'\(value)')"])
      try eventually { try process.pidfd.exitStatus() != nil }
      guard try process.pidfd.exitStatus() == .code(0) else {
        return skip("no user attributes in \(folder.path): the mark of delegation")
      }
      #expect((system.refusal(of: group) == nil) == isOurs)
      #expect((system.refusal(of: unit) == nil) == isOurs)
    }
    #expect(system.refusal(of: nil) != nil)
    #expect(system.refusal(of: folder.path) != nil)
  }
}
