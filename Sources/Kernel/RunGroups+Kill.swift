internal import Glibc

extension RunGroups {
  /// Kills everything in it and below; false when there is no group in the v2 tree to do that with.
  ///
  /// What forks meanwhile is killed too. To be repeated while anything lives where the kernel has no order for it.
  public func kill() -> Bool {
    guard unified != nil else { return false }
    if features.contains(.cgroupKill), (try? unified?.write("cgroup.kill", "1")) != nil { return true }
    // The kernel is older than 5.14. What is frozen does not fork, and dies all the same; before 5.2 nothing is frozen.
    try? unified?.write("cgroup.freeze", "1")
    var killed: Set<Int32> = []
    for _ in 0..<RunGroups.mostRounds where unified?.killMembers(besides: &killed) == true {}
    try? unified?.write("cgroup.freeze", "0")
    return true
  }

  /// Two rounds find all that is frozen: the second sees what was born while the first looked. More would only chase
  /// what cannot be frozen, and that is for who repeats this.
  private static let mostRounds = 4
}

extension ControlGroup {
  /// How many pidfds are open at once, at most.
  private static let batch = 128

  /// Kills the members that were not killed before; false when there are none.
  fileprivate func killMembers(besides killed: inout Set<Int32>) -> Bool {
    let fresh = members().filter { $0 > 0 && !killed.contains($0) }
    for start in stride(from: 0, to: fresh.count, by: ControlGroup.batch) {
      var held: [(pid: Int32, pidfd: Int32)] = []
      for pid in fresh[start...].prefix(ControlGroup.batch) {
        if let pidfd = try? Pidfd.open(pid) { held.append((pid, pidfd.descriptor.relinquish())) }
      }
      // A member may have ended, and its pid been given to a stranger, before we held it: whoever is a member now, while
      // it is held, was one then.
      let members = Set(members())
      for (pid, raw) in held {
        let pidfd = Pidfd(owning: raw)
        if members.contains(pid) { _ = try? pidfd.send(SIGKILL) }
      }
    }
    killed.formUnion(fresh)
    return !fresh.isEmpty
  }
}
