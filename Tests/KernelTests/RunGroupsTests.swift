import Glibc
import Model
import Support
import Testing

@testable import Kernel

/// Groups in this machine's own trees.
@Suite(.tags(.large), .timeLimit(.minutes(5)))
struct RunGroupsTests {
  static let hog = "/usr/bin/python3"
  static let mebibyte: Int64 = 1 << 20

  @Test
  func `a run is born in its groups, which are removed when it has left them`() throws {
    let name = GroupName()
    guard let host = name.host(for: "a run's groups") else { return }
    let groups = try RunGroups(named: "run", in: host, memory: 64 * Self.mebibyte, tasks: 20)
    #expect(groups.enforcesMemory == host.memoryVersion)
    #expect(groups.enforcesTasks == host.pidsVersion)
    #expect(host.paths.first.map { "\($0)/run" } == groups.path)
    #expect(groups.isPopulated == false)

    let process = try groups.launch("/bin/sleep", ["1000"])
    #expect(groups.members() == [process.pid])
    #expect(groups.isPopulated == true)
    let lines = try process.proc("cgroup").split(separator: "\n").filter { $0.hasSuffix("/\(name.text)/run") }
    #expect(lines.count == host.paths.count)
    let reading = groups.reading()
    #expect(reading.cpu != nil)
    if host.pids != nil { #expect(reading.tasksPeak == 1) }
    if host.memory != nil { #expect(reading.oomKills == 0 && reading.ownOOMs == 0 && reading.memoryPeak ?? 0 > 0) }
    if host.memoryVersion == .v1 {
      #expect(try contents("\(host.paths[1])/run/memory.limit_in_bytes") == "\(64 * Self.mebibyte)\n")
    }

    #expect(RunGroups.remove(named: "run", from: host) == false)
    #expect(groups.kill() == true)
    try eventually { groups.isPopulated == false }
    // The leader is unreaped still. A v1 group may be busy for a moment more.
    try eventually { RunGroups.remove(named: "run", from: host) }
    #expect(RunGroups.remove(named: "run", from: host) == true)
    host.remove()
    for path in host.paths { #expect(access(path, F_OK) != 0, "\(path) is still there") }
  }

  @Test
  func `groups that are there already belong to another, and are left alone`() throws {
    let name = GroupName()
    guard let host = name.host(for: "a run's groups made twice") else { return }
    let groups = try RunGroups(named: "run", in: host, memory: nil, tasks: nil)
    #expect(groups.enforcesMemory == nil && groups.enforcesTasks == nil)
    #expect {
      _ = try RunGroups(named: "run", in: host, memory: nil, tasks: nil)
    } throws: {
      ($0 as? SystemError)?.code == EEXIST
    }
    let path = groups.path
    #expect(access(try #require(path), F_OK) == 0)
  }

  @Test
  func `a group that cannot have its limits leaves no directories behind`() throws {
    let name = GroupName()
    guard let host = name.host(for: "a run's groups with refused limits") else { return }
    guard host.pids != nil else { return skip("no pids controller: a limit that is refused") }
    // There cannot be fewer than no tasks.
    #expect { _ = try RunGroups(named: "run", in: host, memory: nil, tasks: -1) } throws: {
      ($0 as? SystemError)?.code == EINVAL
    }
    for path in host.paths { #expect(access("\(path)/run", F_OK) != 0, "\(path)/run is still there") }
  }

  static let killers: [Features] = [.all, .all.subtracting(.cgroupKill), .all.subtracting([.cgroupKill, .clone3])]

  @Test(arguments: killers)
  func `a tree in sessions of its own is killed through its group`(features: Features) throws {
    let name = GroupName()
    guard let host = name.host(features, for: "killing a group") else { return }
    let groups = try RunGroups(named: "run", in: host, memory: nil, tasks: nil)
    let process = try groups.run(
      "i=0; while [ $i -lt 20 ]; do setsid sh -c 'sleep 1000 & exit' & i=$((i+1)); done; exec sleep 1000")
    try eventually {
      // The sleepers, once the shells between are gone.
      try groups.members().filter { try ProcessTable.stat($0)?.name == "sleep" }.count == 21
    }
    let before = Clock.now()
    #expect(groups.kill() == true)
    try eventually { groups.isPopulated == false }
    #expect(Clock.now() - before < .seconds(10))
    #expect(try process.pidfd.exitStatus() == .signal(SIGKILL))
    #expect(groups.members() == [])
  }

  @Test(arguments: killers)
  func `one order to kill ends what never stops forking`(features: Features) throws {
    let name = GroupName()
    guard let host = name.host(features, for: "killing a fork bomb") else { return }
    guard host.pids != nil else { return skip("no pids controller to hold a fork bomb: killing it") }
    let groups = try RunGroups(named: "run", in: host, memory: nil, tasks: 40)
    // Each copy starts two more that outlive it; those that may not be born are tried again by the rest.
    let script = "while :; do setsid sh -c 'sleep 0.01 & sleep 0.02 & exec sleep 0.03' & sleep 0.001; done"
    let process = try groups.run(script)
    try eventually { groups.members().count > 10 }
    #expect(groups.kill() == true)
    try eventually { groups.isPopulated == false }
    #expect(try process.pidfd.exitStatus() == .signal(SIGKILL))
  }

  @Test
  func `a run's groups wake who waits for the last process to leave`() throws {
    let name = GroupName()
    guard let host = name.host(for: "waiting for an empty group") else { return }
    let groups = try RunGroups(named: "run", in: host, memory: nil, tasks: nil)
    let events = groups.populationEvents
    var interest = pollfd(fd: try #require(events), events: Int16(POLLPRI), revents: 0)
    #expect(poll(&interest, 1, 0) == 0)
    let process = try groups.launch("/bin/sleep", ["1000"])
    // That the process came is news already.
    #expect(poll(&interest, 1, 0) == 1)
    #expect(groups.isPopulated == true)
    #expect(poll(&interest, 1, 0) == 0)
    try process.pidfd.send(SIGKILL)
    #expect(poll(&interest, 1, 10_000) == 1)
    #expect(Int32(interest.revents) & POLLPRI != 0)
    #expect(groups.isPopulated == false)
    // Read, it waits for the next change.
    #expect(poll(&interest, 1, 0) == 0)
  }

  @Test
  func `a run that outgrows its own memory limit is killed, and known to have`() throws {
    let name = GroupName()
    guard let host = name.host(for: "a memory limit") else { return }
    guard host.memory != nil else { return skip("no memory controller: a memory limit") }
    guard access(Self.hog, X_OK) == 0 else { return skip("no \(Self.hog): a memory limit") }
    let limit = 48 * Self.mebibyte
    let groups = try RunGroups(named: "run", in: host, memory: limit, tasks: nil)
    let bell = try Bell(blocking: false)
    switch groups.memoryEvents {
    case .none: try groups.announceOutOfMemory(to: bell.descriptor.raw)
    case .file: break
    }
    let process = try groups.launch(Self.hog, ["-S", "-c", "x = b'x' * (400 << 20)"])
    try eventually { try process.pidfd.exitStatus() == .signal(SIGKILL) }
    let reading = groups.reading()
    #expect(reading.oomKills ?? 0 >= 1)
    #expect(reading.ownOOMs ?? 0 >= 1)
    #expect(reading.memoryPeak ?? 0 <= limit && reading.memoryPeak ?? 0 > limit / 2)
    if host.memoryVersion == .v1 {
      #expect(groups.memoryEvents == .none)
      #expect(bell.hear() == true)
    }
  }

  @Test
  func `a run that is killed for its ancestor's memory limit has not hit its own`() throws {
    let name = GroupName()
    guard let place = name.places.memory, let own = try? ControlGroup.open(place),
      let ancestor = try? own.make(name.text)
    else { return skip("no v1 memory controller: a run killed for its ancestor's limit") }
    guard access(Self.hog, X_OK) == 0 else { return skip("no \(Self.hog): a run killed for its ancestor's limit") }
    try ancestor.write("memory.limit_in_bytes", "\(48 * Self.mebibyte)")
    try? ancestor.write("memory.memsw.limit_in_bytes", "\(48 * Self.mebibyte)")
    var places = name.places
    places.memory = ancestor.directory.path
    guard let host = name.host(places: places, for: "a run killed for its ancestor's limit") else { return }
    try #require(host.memoryVersion == .v1)
    let groups = try RunGroups(named: "run", in: host, memory: 200 * Self.mebibyte, tasks: nil)
    let process = try groups.launch(Self.hog, ["-S", "-c", "x = b'x' * (400 << 20)"])
    try eventually { try process.pidfd.exitStatus() == .signal(SIGKILL) }
    #expect(groups.reading().oomKills == 1)
    #expect(groups.reading().ownOOMs == 0)
  }

  @Test
  func `a run that may not have more tasks is refused them, and that is counted`() throws {
    let name = GroupName()
    guard let host = name.host(for: "a limit of tasks") else { return }
    guard host.pids != nil else { return skip("no pids controller: a limit of tasks") }
    let groups = try RunGroups(named: "run", in: host, memory: nil, tasks: 5)
    let process = try groups.run("i=0; while [ $i -lt 10 ]; do sleep 1000 & i=$((i+1)); done; exec sleep 1000")
    try eventually { groups.reading().tasksRefused ?? 0 > 0 }
    #expect(groups.reading().tasksPeak ?? 6 <= 5)
    #expect(try process.pidfd.exitStatus() != .code(0))
  }
}
