import Glibc
import Model
import Support
import Testing

@testable import Kernel

/// Whose the trees are, and what is said where they are not ours.
@Suite(.tags(.large), .timeLimit(.minutes(2)))
struct HostGroupsTests {
  /// What a host that gets no groups says of it, and that it leaves none behind.
  private func findings(
    _ places: CgroupPlaces, _ features: Features = .all, isSystemdRunning: Bool = false
  ) throws -> [HostGroups.Finding] {
    let name = GroupName()
    let host = HostGroups(
      named: name.text, places: places, movable: [], features: features,
      system: SystemFacts(isSystemdRunning: isSystemdRunning))
    #expect(host.paths == [])
    for place in [places.unified, places.memory, places.pids].compactMap(\.self) {
      #expect(access("\(place)/\(name.text)", F_OK) != 0)
    }
    return host.findings
  }

  @Test
  func `masked groups are not made, and the mask is named`() throws {
    let found = try findings(.current(), .all.subtracting([.cgroup2, .cgroup1]))
    #expect(found.map(\.subject) == [.unified, .memory, .pids])
    for finding in found where finding.subject == .unified { #expect(finding.reason == "masked by REEVE_MASK") }
  }

  @Test
  func `a mask of v2 leaves v1`() throws {
    let name = GroupName()
    guard name.places.memory != nil, name.places.pids != nil else { return skip("no v1 controllers: a mask of v2") }
    let host = HostGroups(named: name.text, places: name.places, movable: [], features: .all.subtracting(.cgroup2))
    guard !host.paths.isEmpty else { return skip("no v1 groups to be had here: a mask of v2") }
    #expect(host.memoryVersion == .v1 && host.pidsVersion == .v1)
    #expect(host.findings.map(\.reason) == ["masked by REEVE_MASK"])
    let groups = try RunGroups(named: "run", in: host, memory: nil, tasks: 100)
    #expect(groups.birthplace == nil && groups.isPopulated == nil && groups.populationEvents == nil)
    #expect(groups.kill() == false)
    let process = try groups.launch("/bin/sleep", ["1000"])
    #expect(groups.members() == [process.pid])
    let path = groups.path
    #expect(path == "\(host.paths[0])/run")
  }

  @Test
  func `groups that systemd has not delegated are left to it, v1 ones too`() throws {
    let found = try findings(.current(), isSystemdRunning: true)
    #expect(found.map(\.subject) == [.unified, .memory, .pids])
    for finding in found {
      #expect(finding.reason.contains("systemd manages"))
      #expect(finding.remedy?.contains("-p Delegate=yes reeve") == true)
    }
  }

  @Test
  func `a system without control groups is said to have none`() throws {
    let found = try findings(CgroupPlaces(mountInfo: "", membership: ""))
    #expect(found.map(\.subject) == [.unified, .memory, .pids])
    #expect(found.allSatisfy { $0.reason.contains("no v2 tree") })
  }

  @Test
  func `a place that is not there is named with the kernel's answer`() throws {
    var places = CgroupPlaces(mountInfo: "", membership: "")
    places.unified = "/sys/fs/cgroup/reeve-test-none"
    let found = try findings(places)
    #expect(found[0].reason.contains("ENOENT") && found[0].reason.contains("reeve-test-none"))
  }

  @Test
  func `our own processes are moved out of the way and back, and nobody else's`() throws {
    let name = GroupName()
    guard let host = name.host(for: "moving processes out of a group") else { return }
    // The host's group plays our own, with processes of ours and a stranger in turn.
    let path = try #require(host.paths.first)
    let own = try ControlGroup.open(path)
    let ours = try launch("/bin/sleep", ["1000"]) { $0.cgroup = own.directory.descriptor.raw }
    #expect(own.ownMembers() == [ours.pid])

    #expect {
      try own.evacuate([getpid()], to: "x-host") { _ in Issue.record("a stranger was moved") }
    } throws: {
      let error = $0 as? SystemError
      return error?.code == EBUSY && error?.description.contains("\(ours.pid)") == true
    }
    #expect(try own.directory.subdirectories() == [])

    #expect {
      try own.evacuate([ours.pid], to: "x-host") { own throws(SystemError) in
        #expect(own.ownMembers() == [])
        throw SystemError(call: "write", code: EBUSY)
      }
    } throws: {
      ($0 as? SystemError)?.code == EBUSY
    }
    #expect(own.ownMembers() == [ours.pid])
    #expect(try own.directory.subdirectories() == [])

    try own.evacuate([ours.pid, getpid()], to: "x-host") { _ in }
    #expect(own.ownMembers() == [])
    #expect(own.members() == [ours.pid])
    ControllerGrant(controllers: ["memory"], place: path, refuge: "x-host").revoke()
    #expect(own.ownMembers() == [ours.pid])
    #expect(try own.directory.subdirectories() == [])
  }
}
