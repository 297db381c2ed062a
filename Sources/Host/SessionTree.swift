internal import Glibc
internal import Kernel

/// The processes of a run, as far as they are in the session of its leader.
///
/// The leader stays unreaped until they are all gone: as long as its zombie is there, the kernel gives its number,
/// and so the name of the session, to nobody else.
struct SessionTree {
  let leader: Int32

  /// Whether nobody is left, when the leader has exited.
  ///
  /// Whoever has lost its parent is our child by now, and whoever has not lives below one who has. So with no
  /// adopted child there is nobody, and the look at every process is saved.
  var isEmpty: Bool { (try? ProcessTable.adoptedChildren())?.isEmpty == true || others().isEmpty }

  /// Those that live, but for the leader.
  func others() -> [Int32] {
    let members = (try? ProcessTable.members(ofSession: leader)) ?? []
    return members.filter { $0.pid != leader && $0.state != "Z" && $0.state != "X" }.map(\.pid)
  }

  /// Signals those that live, but for the leader, one by one.
  func signalOthers(_ number: Int32) {
    for pid in others() { Self.signal(number, pid, session: leader) }
  }

  /// Signals one process through a descriptor that was opened before its evidence was read again: the number
  /// alone may belong to somebody else by now.
  private static func signal(_ number: Int32, _ pid: Int32, session: Int32) {
    guard let process = try? Pidfd.open(pid), let evidence = try? ProcessTable.stat(pid), evidence.session == session
    else { return }
    _ = try? process.send(number)
    if number != SIGKILL { _ = try? process.send(SIGCONT) }
  }
}
