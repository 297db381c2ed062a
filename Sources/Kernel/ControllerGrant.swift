internal import Glibc

/// Controllers of the v2 tree, enabled for the groups of a host's runs.
struct ControllerGrant: Sendable {
  let controllers: [String]
  /// Where our own group is.
  let place: String
  /// The group beside the host's that our own processes were moved to; nil when they stayed where they were.
  let refuge: String?

  /// Enables those of the wanted controllers that our own group offers, for it and for the host's group below it.
  ///
  /// A group cannot hold processes while it hands controllers to the groups below it (the root can): the kernel says EBUSY.
  /// If all processes in our own group are movable, they are moved out of the way.
  static func obtain(
    _ wanted: [String], for name: String, in place: String, movable: [Int32]
  ) throws(SystemError) -> ControllerGrant {
    let own = try ControlGroup.open(place)
    let offered = (own.text("cgroup.controllers") ?? "").split(whereSeparator: \.isWhitespace)
    let controllers = wanted.filter { offered.contains(Substring($0)) }
    var refuge: String?
    if !controllers.isEmpty {
      do throws(SystemError) {
        try own.switchControllers(controllers, on: true)
      } catch {
        guard error.code == EBUSY else { throw error }
        refuge = "\(name)-host"
        try own.evacuate(movable, to: "\(name)-host") { own throws(SystemError) in
          try own.switchControllers(controllers, on: true)
        }
      }
    }
    let grant = ControllerGrant(controllers: controllers, place: place, refuge: refuge)
    do throws(SystemError) {
      if !controllers.isEmpty { try own.open(name).switchControllers(controllers, on: true) }
    } catch {
      grant.revoke()
      throw error
    }
    return grant
  }

  /// Brings our processes back, if they were moved; the groups below ours must be gone. Best effort.
  ///
  /// Where none were moved the controllers stay: they may have been enabled before we came.
  func revoke() {
    guard let refuge, let own = try? ControlGroup.open(place) else { return }
    // EBUSY where another host came to enable them for groups of its own, and then we stay where we are.
    guard (try? own.switchControllers(controllers, on: false)) != nil else { return }
    own.readmit(from: refuge)
  }
}

extension ControlGroup {
  /// Enables controllers for the groups below it, or disables them.
  fileprivate func switchControllers(_ controllers: [String], on: Bool) throws(SystemError) {
    try write("cgroup.subtree_control", controllers.map { (on ? "+" : "-") + $0 }.joined(separator: " "))
  }

  /// Moves the processes in it to a group below it, and does what takes that; nothing changes where either fails.
  func evacuate(
    _ movable: [Int32], to name: String, then body: (borrowing ControlGroup) throws(SystemError) -> Void
  ) throws(SystemError) {
    let strangers = ownMembers().filter { !movable.contains($0) }
    guard strangers.isEmpty else {
      let list = strangers.prefix(5).map { "\($0)" }.joined(separator: ", ")
      throw SystemError(
        call: "write", code: EBUSY, detail: "processes that are not reeve's own are in \(directory.path): \(list)")
    }
    let refuge = try make(name)
    do throws(SystemError) {
      for pid in ownMembers() where movable.contains(pid) { try refuge.admit(pid) }
      // EBUSY again where one of ours has forked meanwhile.
      try body(self)
    } catch {
      readmit(from: name)
      throw error
    }
  }

  /// Moves all processes of a group below into it, and removes that group; best effort.
  func readmit(from name: String) {
    guard let refuge = try? open(name) else { return }
    for pid in refuge.ownMembers() { try? admit(pid) }
    try? remove(name)
  }

  /// Moves a process, with all its threads, into it; one that has ended need not be moved.
  private func admit(_ pid: Int32) throws(SystemError) {
    do {
      try write("cgroup.procs", "\(pid)")
    } catch {
      guard error.code == ESRCH else { throw error }
    }
  }
}
