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
  /// Whether its leader has exited, if it ever had one.
  var hasLeaderExited: Bool { record.exit != nil || isLeaderLost }

  /// Whether something of it may be left that nobody leads.
  var isBeingBuried: Bool { hasLeaderExited && machine.state != .gone }

  /// The leader has exited: its pipes are read as far as they were filled at that moment, then it is judged.
  func leaderExited() {
    guard !hasLeaderExited else { return }
    let ended: Ending?
    do {
      ended = try process?.owner.ending()
    } catch {
      return leaderLost()
    }
    guard let ending = ended else { return }
    // It stays a zombie until its tree is empty, and readable all that time.
    process?.mute()
    drain()
    judgeLastLine()
    // What the kernel did at a limit comes before the exit that it led to.
    checkLimits()
    record.exit = ending.status
    noteResources(of: ending)
    let isTreeEmpty = isTreeEmpty
    hasLeftNobody = isTreeEmpty && host.orphans.wasEmpty
    perform(
      machine.exited(ending.status, isLastLineCut: isLastLineCut, isTreeEmpty: isTreeEmpty, at: Loop.shared.now))
    lookForLeftovers()
  }

  /// Somebody else has reaped the leader: how it ended nobody will ever know, but that it has.
  private func leaderLost() {
    isLeaderLost = true
    process?.mute()
    drain()
    judgeLastLine()
    fault(HostError(.system, "somebody else has taken note of the end of its program"))
    // With the verdict given, how it exited matters only to whom success was said: nothing speaks against that.
    perform(machine.exited(.code(0), isLastLineCut: isLastLineCut, isTreeEmpty: isTreeEmpty, at: Loop.shared.now))
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
    guard isBeingBuried else { return }
    if isTreeEmpty { return perform(machine.treeEmptied()) }
    watchPopulation()
    let others = others()
    watch(others.map(\.pid))
    // Between the two looks the last may have ended; then no end of anybody's will be a reason to look again.
    if others.isEmpty && isTreeEmpty { perform(machine.treeEmptied()) }
  }

  /// The kernel tells when a group has emptied.
  private func watchPopulation() {
    guard populationEvents == nil, let file = groups?.populationEvents else { return }
    populationEvents = try? Watched(
      try Descriptor.duplicate(of: file), tag: Tag.population, for: .priority, source: self)
  }

  /// Gives back everything it held. The leader's zombie goes last.
  func release() {
    pass(.release)
    closeLeftovers()
    disarm()
    removeGroups()
    host.orphans.forget(record.id)
    output.take()?.close()
    errors.take()?.close()
    transcript.close()
    errorLog.finish(in: &folder)
    folder.close()
    _ = try? process?.owner.reap()
    process.take()?.close()
    host.released(self)
    pass(.released)
    forgetIfDone()
  }

  private func closeLeftovers() {
    for leftover in leftovers { leftover.close() }
    leftovers = []
  }
}
