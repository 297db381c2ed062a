internal import Glibc
internal import Kernel
internal import Loop
internal import Model
internal import Plugins
internal import Supervision

/// A process that its leader left behind, watched until it ends.
@LoopActor final class Leftover {
  private var process: Watched<Pidfd>?

  init(_ process: consuming Pidfd, of run: Run) throws(SystemError) {
    self.process = try Watched(process, tag: Run.Tag.leftover, source: run)
  }

  func close() { process.take()?.close() }
}

extension Run {
  private var tree: SessionTree? { record.pid.map { SessionTree(leader: $0) } }

  /// The leader has exited: its pipes are read as far as they were filled at that moment, then it is judged.
  func leaderExited() {
    guard record.exit == nil, let exit = try? process?.owner.exitStatus() else { return }
    // It stays a zombie until its tree is empty, and readable all that time.
    process?.mute()
    drain()
    finishLines()
    record.exit = exit
    let isTreeEmpty = tree?.isEmpty ?? true
    perform(machine.exited(exit, isLastLineCut: isLastLineCut, isTreeEmpty: isTreeEmpty, at: Loop.shared.now))
    lookForLeftovers()
  }

  /// Waits for what is left; each end is a reason to look again, since it may have forked before.
  private func watch(_ pids: [Int32]) {
    closeLeftovers()
    for pid in pids.prefix(Self.watchedLeftovers) {
      if let leftover = try? Leftover(try Pidfd.open(pid), of: self) { leftovers.append(leftover) }
    }
  }

  /// To see the end of a few is enough: then all are looked at anew.
  static let watchedLeftovers = 16

  func lookForLeftovers() {
    guard record.exit != nil, machine.state != .gone, let tree else { return }
    let others = tree.others()
    if others.isEmpty { perform(machine.treeEmptied()) } else { watch(others) }
  }

  func stopTree() {
    if record.exit == nil {
      // While the leader lives, to end its tree is its business; and a stopped process hears only SIGKILL.
      signalGroup(preparation.manifest.stop)
      signalGroup(SIGCONT)
    } else {
      tree?.signalOthers(preparation.manifest.stop)
    }
  }

  func killTree() {
    // One call reaches the whole group at one moment, before any of it can act on the end of another.
    signalGroup(SIGKILL)
    tree?.signalOthers(SIGKILL)
    lookForLeftovers()
  }

  private func signalGroup(_ number: Int32) {
    if let pid = record.pid { _ = try? process?.owner.signalGroup(ofUnreapedLeader: pid, number) }
  }

  /// Gives back everything it held. The leader's zombie goes last.
  func release() {
    closeLeftovers()
    output.take()?.close()
    errors.take()?.close()
    transcript.close()
    errorLog.finish(in: &folder)
    folder.close()
    _ = try? process?.owner.reap()
    process.take()?.close()
    host.released(self)
    forgetIfDone()
  }

  private func closeLeftovers() {
    for leftover in leftovers { leftover.close() }
    leftovers = []
  }
}
