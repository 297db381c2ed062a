import Glibc
import Kernel
import Support
import Testing

/// A name for groups of a test's own: they are gone from all trees, with all that is in them, when the test lets go of it.
struct GroupName: ~Copyable {
  let text = "reeve-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
  let places = CgroupPlaces.current()

  deinit {
    for place in [places.unified, places.memory, places.pids] {
      guard let place, let own = try? ControlGroup.open(place) else { continue }
      // Killing one by one does not catch up with what forks, and what was killed takes a moment to leave.
      for _ in 0..<1000 {
        if let group = try? ControlGroup.open("\(place)/\(text)") {
          for pid in group.members() where pid > 0 { kill(pid, SIGKILL) }
        }
        if (try? own.remove(text)) != nil { break }
        usleep(5000)
      }
    }
  }

  /// A host's groups of this name; nil, loudly, where none can be had in the v2 tree.
  func host(_ features: Features = .all, places: CgroupPlaces? = nil, for what: String) -> HostGroups? {
    let host = HostGroups(named: text, places: places ?? self.places, movable: [], features: features)
    if host.unified == nil {
      skip("no v2 groups here (\(host.findings.map(\.reason).joined(separator: "; "))): \(what)")
      return nil
    }
    return host
  }
}

extension RunGroups {
  /// Starts a program in it.
  func launch(_ program: String, _ arguments: [String]) throws -> Launched {
    let (birthplace, joined) = (birthplace, joined)
    return try KernelTests.launch(program, arguments) {
      $0.cgroup = birthplace
      $0.joinedCgroups = joined
    }
  }

  /// Starts a shell script in it.
  func run(_ script: String) throws -> Launched { try launch("/bin/sh", ["-c", script]) }
}
