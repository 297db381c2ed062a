internal import Glibc

/// Why something cannot be had, and what the user can do about it.
struct Obstacle: Error, Equatable {
  let reason: String
  var remedy: String?

  static let masked = Obstacle(reason: "masked by REEVE_MASK")
}

/// Makes a host's directories, in the trees that are ours to use.
struct GroupFounder {
  let name: String
  let features: Features
  /// Why no tree is ours to use; nil where they are.
  let refusal: Obstacle?

  /// Makes the host's directory in the v2 tree.
  func foundUnified(in place: String?) throws(Obstacle) -> ControlGroup {
    guard features.contains(.cgroup2) else { throw .masked }
    guard let place else { throw Obstacle(reason: "no v2 tree is mounted that shows the group of this process") }
    return try found(in: place)
  }

  /// Opens the host's directory for a controller: the one in the v2 tree, or one that is made in a v1 tree.
  func seat(
    _ version: CgroupVersion, unified: String?, legacy: String?, lacking obstacle: Obstacle
  ) throws(Obstacle) -> ControlGroup {
    if version == .v2, let unified { return try found(in: unified) }
    guard let legacy else { throw obstacle }
    guard features.contains(.cgroup1) else { throw .masked }
    return try found(in: legacy)
  }

  /// Makes the directory below our own, and tries whether processes can be moved into it.
  ///
  /// It may be there already: one tree may have several controllers.
  private func found(in place: String) throws(Obstacle) -> ControlGroup {
    if let refusal { throw refusal }
    do throws(SystemError) {
      let own = try ControlGroup.open(place)
      // Whoever moves a process needs write access to the first group above both its places, and that is our own.
      try own.requireJoinable()
      do throws(SystemError) {
        try own.directory.makeDirectory(name, mode: 0o755)
      } catch {
        guard error.code == EEXIST else { throw error }
      }
      do throws(SystemError) {
        let group = try own.open(name)
        try group.requireJoinable()
        return group
      } catch {
        try? own.remove(name)
        throw error
      }
    } catch {
      throw Obstacle(reason: "\(error)", remedy: GroupFounder.remedy(for: error, in: place))
    }
  }

  private static func remedy(for error: SystemError, in place: String) -> String? {
    switch error.code {
    case EACCES, EPERM:
      "have root make a group below \(place), give it and its cgroup.procs, cgroup.threads and "
        + "cgroup.subtree_control to user \(geteuid()), and start reeve in it"
    case EROFS: "have \(place) mounted so that it can be written"
    default: nil
    }
  }
}

extension ControlGroup {
  /// Throws where the effective user may not move processes into it.
  fileprivate func requireJoinable() throws(SystemError) {
    let path = directory.path
    let raw = directory.descriptor.raw
    try retryingInterrupts("faccessat", "\(path)/cgroup.procs") {
      faccessat(raw, "cgroup.procs", W_OK, AT_EACCESS)
    }
  }
}
