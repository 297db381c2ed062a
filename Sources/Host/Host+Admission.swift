internal import Glibc
internal import Kernel
internal import Loop
internal import Model
internal import Plugins
internal import Supervision

/// Seats, directories and predecessors: what a run may have to wait for before it begins.
///
/// A directory that is written to is locked by the kernel, so that every host respects it and none holds it after its
/// death. What happens in other hosts nobody tells us: while a run waits for one of them, it is asked again and again.
extension Host {
  /// How often it is asked whether what happens elsewhere has happened, at first and at most.
  static let seatsIntervals = TimeSpan.milliseconds(20)...TimeSpan.seconds(1)

  func checkQueue() throws(HostError) {
    guard admission.waiting < configuration.maxWaiting else {
      throw HostError(
        .tooManyRuns(queued: admission.waiting), "\(admission.waiting) runs wait already; try again later")
    }
  }

  /// Gives a new run a seat, or a place in the queue; or refuses it, because its directory is taken.
  func place(_ run: Run) throws(HostError) {
    let directory = try directory(of: run)
    if let directory, run.preparation.request.onBusy == .refuse, let holder = holder(of: directory) {
      throw Self.busy(run.record.directory, holder)
    }
    // What is stuck is waited for no more.
    if let resumed = run.record.resumes, runs[resumed]?.record.disposal != .stuck { run.predecessors.insert(resumed) }
    admission.enter(Admission.Seat(run: run.record.id, plugin: run.record.plugin, directory: directory))
    admitWaiting()
    guard !run.hasBegun else { return }
    guard run.isDirectoryElsewhere, run.preparation.request.onBusy == .refuse else { return run.open() }
    guard let holder = run.foreignHolder else { throw Self.busy(run.record.directory, nil) }
    // Whether the other host's run is over, which is worth the wait, or not, which is not, the ledger knows.
    find(holder) { [weak self, weak run] result in
      guard let self, let run, !run.hasBegun, runs[run.record.id] != nil else { return }
      if case .success(let found?) = result, !found.status.isTerminal {
        run.refuse(Self.busy(run.record.directory, holder))
      } else {
        run.open()
      }
    }
  }

  private static func busy(_ path: String, _ holder: RunID?) -> HostError {
    let who = holder.map { "run \($0), which is not over" } ?? "another host's run, which has only just begun"
    return HostError(
      .directoryBusy(holder: holder),
      "the directory \(path) is taken by \(who); wait for it, cancel it, or queue behind it (on_busy)")
  }

  /// The directory that a run writes to, as the kernel knows it; nil when it writes to none.
  private func directory(of run: Run) throws(HostError) -> Admission.DirectoryName? {
    guard run.preparation.manifest.writes else { return nil }
    do {
      let identity = try Directory.open(run.record.directory, following: true).status().identity
      return Admission.DirectoryName(device: identity.device, inode: identity.inode)
    } catch {
      // That it is not there is for the launch to find out and to say.
      return nil
    }
  }

  /// A run of this host that has a directory, or waits for it, and is not over.
  private func holder(of directory: Admission.DirectoryName) -> RunID? {
    let holders = [admission.holder(of: directory)] + admission.waiters(for: directory)
    return holders.compactMap { $0 }.first { runs[$0].map { !$0.verdictIsGiven } ?? false }
  }

  /// Lets in whoever can be.
  func admitWaiting() {
    guard phase != .stopping, !isAdmitting else { return }
    // What is let in may end at once, and make room for another.
    isAdmitting = true
    while true {
      let seats = admission.admit { isReady($0) }
      if seats.isEmpty { break }
      for seat in seats { runs[seat.run]?.seated() }
    }
    isAdmitting = false
    if needsAsking { armSeats() } else { seatsInterval = Self.seatsIntervals.lowerBound }
  }

  private func isReady(_ seat: Admission.Seat) -> Bool {
    guard let run = runs[seat.run] else { return true }
    if let directory = seat.directory, !hasTaken(directory, run) { return false }
    return run.predecessors.isEmpty
  }

  /// Locks a directory for a run. A lock whose holder did not let go of it is that of a host that died: what is left of
  /// its run must be gone first.
  private func hasTaken(_ directory: Admission.DirectoryName, _ run: Run) -> Bool {
    guard run.directoryLock == nil else { return true }
    run.lockFailure = nil
    do {
      let folder = try state.directories()
      let name = "\(directory).lock"
      guard let lock = try FileLock.tryAcquire(in: folder, name: name) else {
        run.isDirectoryElsewhere = true
        run.foreignHolder = try FileLock.note(in: folder, name: name).flatMap { RunID($0) }
        return false
      }
      let left = try lock.noted().flatMap { RunID($0) }
      // The note of a dead holder stays until nothing of it is left: whoever comes after us must wait for it as well.
      if let left { run.predecessors.insert(left) } else { try lock.note(run.record.id.description) }
      run.directoryLock = DirectoryLock(lock: lock, name: name, inherited: left)
    } catch {
      // Two that write to one directory are worse than one that fails and says why.
      run.lockFailure = error
    }
    return true
  }

  /// A run needs its seat no more, nor its directory.
  func vacate(_ run: Run) {
    if let lock = run.directoryLock.take() {
      let isFree = lock.inherited.map { !run.predecessors.contains($0) } ?? true
      if isFree, let folder = try? state.directories() { lock.discard(from: folder) }
    }
    admission.leave(run.record.id)
    for waiting in admission.waitingRuns { runs[waiting]?.predecessors.remove(run.record.id) }
    admitWaiting()
  }

  // MARK: - What happens in other hosts

  private var needsAsking: Bool {
    admission.waitingRuns.contains { id in
      runs[id].map { $0.isDirectoryElsewhere || $0.predecessors.contains { runs[$0] == nil } } ?? false
    }
  }

  private func armSeats() {
    guard seatsTimer.deadline == .never else { return }
    seatsTimer.arm(at: Loop.shared.now + seatsInterval, source: self)
    seatsInterval = min(seatsInterval + seatsInterval, Self.seatsIntervals.upperBound)
  }

  /// Asks again for what others have.
  func askForSeats() {
    let awaited = Set(admission.waitingRuns.flatMap { runs[$0].map { Array($0.predecessors) } ?? [] })
    for predecessor in awaited where runs[predecessor] == nil {
      find(predecessor) { [weak self] result in
        guard let self, case .success(let found) = result else { return }
        if let found, found.gone == nil, found.disposal != .stuck {
          if !Owner.isLocked(found.host, in: state) { recoverOthers() }
        } else {
          for id in admission.waitingRuns { runs[id]?.predecessors.remove(predecessor) }
          seatsInterval = Self.seatsIntervals.lowerBound
          admitWaiting()
        }
      }
    }
    for id in admission.waitingRuns { runs[id]?.isDirectoryElsewhere = false }
    admitWaiting()
  }
}

/// A directory that a run writes to, locked.
struct DirectoryLock: ~Copyable {
  let lock: FileLock
  let name: String
  /// The run of a dead host that is still noted in it.
  let inherited: RunID?

  consuming func discard(from folder: borrowing Directory) { lock.discard(from: folder, name: name) }
}
