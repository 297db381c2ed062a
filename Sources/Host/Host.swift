internal import Glibc
public import Kernel
public import Ledger
public import Loop
public import Model
public import Plugins
internal import Supervision
internal import Wire

/// A host: it owns runs, from the request to the grave.
@LoopActor public final class Host: EventSource {
  /// The version of Reeve.
  public nonisolated static let version = "0.1.0"

  private enum Tag {
    static let ledger = 0
    static let signals = 1
    static let notices = 2
    static let pulse = 3
    static let rounds = 4
    static let seats = 5
    static let drain = 6
    static let neighbours = 7
  }

  /// Its name.
  public let id: HostID
  /// Where it keeps its state.
  public let state: StateFolder
  /// The folder its socket belongs into.
  public let sockets: Directory
  /// The plugins it can run.
  public let catalog: Catalog
  let ledger: Ledger
  let launcher: Launcher
  /// Its control groups, in which those of its runs are made.
  let groups: HostGroups
  let surveyor: Surveyor
  let orphans: Orphanage
  /// /dev/null, which every program gets as its input.
  let nowhere: Descriptor
  /// The limit on descriptors that it began with, which programs get back.
  let originalFileLimit: FileLimit
  /// Where every run reads into: one is enough, since one thing happens at a time.
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 4096)
  var scratch: [UInt8] = []

  private var lock: FileLock?
  private let reserve: Reserve
  private var ledgerBell: Watched<Descriptor>?
  private var signals: Watched<SignalQueue>?
  /// Readable when another host may have begun; nil where that cannot be watched.
  var neighbours: Watched<Descriptor>?
  private let pulse = LoopTimer(tag: Tag.pulse)
  let roundsTimer = LoopTimer(tag: Tag.rounds)
  let seatsTimer = LoopTimer(tag: Tag.seats)
  let drainTimer = LoopTimer(tag: Tag.drain)
  /// Who runs and who waits.
  var admission: Admission
  var isAdmitting = false
  var seatsInterval = Host.seatsIntervals.lowerBound
  /// What its other threads want said.
  enum Notice: Sendable {
    case said(String)
    case recovered
    case answered(ticket: UInt64, Result<any Sendable, any Error>)
  }
  let notices: Port<Notice>
  private var noticeBell: Watched<Descriptor>?
  /// Whether it is settling what others left.
  public internal(set) var isRecovering = false
  /// Groups of runs that were busy when they should have been removed.
  var busyGroups: [RunID] = []
  /// What the user's configuration says.
  public let configuration: Configuration
  /// What holds where nobody sets a limit.
  let standards: Limits
  var runs: [RunID: Run] = [:]
  var names = IdentifierSource<RunSubject>()
  /// What the limits of runs look like in their rows.
  var limitsText = Latest<Limits, JSONText>()
  /// The manifests that were read, by their folders.
  var manifests: [String: Installed] = [:]
  /// The rules that are known to be kept, by their digests.
  var keptDialects: Set<String> = []
  private var outcomes: [Ledger.Outcome] = []
  /// Programs whose end cannot be watched, but for looking.
  var unwatched: [Int32] = []
  private var enlargedPipes = 0
  /// Who waits for an answer of the ledger, or of a thread.
  var inquiries: [UInt64: Inquiry] = [:]
  var lastInquiry: UInt64 = 0
  /// What waits for one of its threads, and how many are at work.
  var work: [(name: String, ticket: UInt64, body: @Sendable () throws -> any Sendable)] = []
  var busyWorkers = 0
  private let began = Clock.now()
  var phase = Phase.open

  /// Whether it takes work.
  enum Phase {
    case open
    /// What runs may finish; nothing new is taken.
    case draining
    /// What runs is being ended.
    case stopping
  }

  /// What the ledger says when it takes nothing.
  public private(set) var ledgerTrouble: LedgerError?
  /// Told of signals that are not about children.
  public var onSignal: (Int32) -> Void = { _ in }
  /// Told when it takes no new work any more; it may be told more than once.
  public var onStopping: () -> Void = {}
  /// Told when nothing is left to wait for.
  public var onQuiet: () -> Void = {}
  /// Told when every run has its verdict, and it was announced: what is left is to write some down, and to bury them.
  public var onJudged: () -> Void = {}
  /// Told what somebody who runs hosts may want to read; the first of it at once, if it began with something to say.
  public var log: (String) -> Void = { _ in } {
    didSet { if let notice = ledger.notice { log(notice) } }
  }

  /// Begins a host on a state folder.
  ///
  /// The lock comes first, then the row: whoever finds the row can tell by the lock whether its host lives.
  public init(
    state: StateFolder, catalog: Catalog, configuration: Configuration = Configuration(),
    environment: [String: String], signals: consuming SignalQueue
  ) throws(HostError) {
    var names = IdentifierSource<HostSubject>()
    id = names.next(at: Clock.wallMilliseconds())
    self.state = state
    self.catalog = catalog
    self.configuration = configuration
    admission = Admission(total: configuration.maxRunning, shares: configuration.maxRunningByPlugin)
    let lockFile: FileIdentity
    do {
      SignalQueue.ignoreWriteSignals()
      try ProcessTable.requireChildren()
      try Subreaper.become()
      originalFileLimit = try FileLimit.raise()
      sockets = try state.sockets(environment: environment)
      nowhere = try Descriptor.open("/dev/null", flags: O_RDWR)
      launcher = try Launcher()
      surveyor = try Surveyor()
      notices = try Port(blocking: false)
      // Whoever looks for dead hosts may hold it for a moment, before it is known to be ours.
      let deadline = Clock.now() + Self.lockPatience
      guard let taken = try FileLock.acquire(in: state.hosts, name: "\(id).lock", until: deadline) else {
        throw SystemError(call: "fcntl", code: EAGAIN, detail: "\(state.hosts.path)/\(id).lock")
      }
      lockFile = taken.identity
      lock = consume taken
      reserve = Reserve(in: state.hosts, name: "\(id).reserve")
    } catch {
      throw HostError(.system, "a host cannot begin: \(error)")
    }
    let folder = (try? state.root.status())?.identity
    let name = HostGroups.name(of: id)
    let places = CgroupPlaces.current()
    var record = HostRecord(
      id: id, pid: getpid(), startTicks: Host.ownStartTicks, boot: (try? Boot.identifier()) ?? "",
      version: Host.version, started: Timestamp(milliseconds: Clock.wallMilliseconds()),
      lock: (lockFile.device, lockFile.inode), folder: folder.map { ($0.device, $0.inode) }, sockets: sockets.path)
    // Before there are any: whoever finds the row must find what it names.
    record.controlGroups = [places.unified, places.memory, places.pids].compactMap { $0.map { "\($0)/\(name)" } }
    do {
      ledger = try Ledger(folder: state.root, hosts: state.hosts, host: record)
    } catch {
      HostFiles.remove(of: id, from: state.hosts)
      throw HostError(.ledgerUnavailable, error.message)
    }
    // Last, so that a host that cannot begin leaves none behind.
    groups = HostGroups(
      named: name, places: places, movable: Guardian.isStanding ? [getpid(), getppid()] : [getpid()])
    orphans = Orphanage(
      surveyor: surveyor, group: name, outerRuns: RunMark.runs(in: environment[RunMark.variable]))
    standards = Self.standards(at: places)
    do {
      self.signals = try Watched(signals, tag: Tag.signals, source: self)
      ledgerBell = try Watched(try ledger.outcomes.watchable(), tag: Tag.ledger, source: self)
      noticeBell = try Watched(try notices.watchable(), tag: Tag.notices, source: self)
    } catch {
      groups.remove()
      HostFiles.remove(of: id, from: state.hosts)
      throw HostError(.system, "a host cannot begin: \(error)")
    }
    neighbours = try? Watched(try state.hosts.watchingEntries(), tag: Tag.neighbours, source: self)
    makeRounds()
    Loop.shared.onStandstill = { [weak self] span in self?.stoodStill(for: span) }
    surveyor.onAnswer = { [weak self] answer in self?.take(answer) }
  }

  isolated deinit { buffer.deallocate() }

  private static let lockPatience = TimeSpan.seconds(5)

  private static var ownStartTicks: Int64 {
    (try? ProcessTable.stat(getpid())).flatMap { $0 }.map { Int64($0.startTicks) } ?? 0
  }

  /// What holds on to the processes of its runs.
  public var containment: Containment {
    if killableGroup != nil { return .cgroup2 }
    return groups.memoryVersion == nil && groups.pidsVersion == nil ? .subreaper : .cgroup1
  }

  /// The v2 control group that all its runs are in, for who must kill them when it cannot; nil without one.
  public var killableGroup: String? {
    switch groups.unified {
    case .some: groups.paths.first
    case .none: nil
    }
  }

  /// Half of what there is, for one run: the host and the user's own programs need the rest.
  nonisolated static func standards(at places: CgroupPlaces) -> Limits {
    let memory = MachineMemory.available(at: places)
    var standards = Limits()
    standards[.memory] = Limits.Entry(value: ((memory / 2) >> 20) << 20, origin: .default)
    return standards
  }

  /// How long it has been there.
  public var age: TimeSpan { Clock.now() - began }

  var wallTime: Timestamp { Timestamp(milliseconds: Clock.wallMilliseconds()) }

  // MARK: - The end

  /// Whether it waits for nothing: every run is judged, written down, and buried or given up.
  public var isQuiet: Bool { runs.values.allSatisfy { $0.isDone } }

  /// Whether every run has its verdict, and it is written down.
  public var isSettled: Bool { runs.values.allSatisfy { $0.isWrittenDown } }

  /// How often a host that ends tries to remove groups that are busy, a millisecond apart.
  private static let closingLooks = 20

  /// Closes the ledger and gives up its lock. Says what is not recorded: nothing, unless the disk or the ledger fails.
  /// What was kept aside then stays, for whoever takes over the lock.
  public func close(patience: TimeSpan = .seconds(5)) -> Backlog.Remainder {
    ledgerBell.take()?.close()
    noticeBell.take()?.close()
    neighbours.take()?.close()
    pulse.disarm()
    for timer in [roundsTimer, seatsTimer, drainTimer] { timer.disarm() }
    for run in runs.values { run.beforeTheEnd() }
    surveyor.close()
    // A group is busy for a moment after the last of its processes was reaped.
    var areGroupsGone = false
    for _ in 0..<Self.closingLooks where !areGroupsGone {
      busyGroups.removeAll { RunGroups.remove(named: $0.description, from: groups) }
      areGroupsGone = busyGroups.isEmpty && groups.remove()
      if !areGroupsGone { usleep(1000) }
    }
    signals.take()?.close()
    launcher.close()
    reserve.release()
    let remainder = ledger.close(id, at: wallTime, patience: patience)
    // Files that stay are how the next one finds what is left.
    if remainder.unwritten == 0 && areGroupsGone {
      // The lock last: while it is there, so is its host.
      HostFiles.remove(of: id, from: state.hosts)
      lock = nil
    }
    return remainder
  }

  // MARK: - From runs

  /// Past this many a user's pipe budget would run short, and the kernel shrink every new pipe.
  private static let mostEnlargedPipes = 64

  /// Takes a share of the budget for large pipes, if there is one left.
  func takeLargePipe() -> Bool {
    guard enlargedPipes < Self.mostEnlargedPipes else { return false }
    enlargedPipes += 1
    return true
  }

  func released(_ run: Run) {
    if run.hasLargePipe { enlargedPipes -= 1 }
    if !run.hasLeftNobody { seeToStrays() }
    vacate(run)
    checkQuiet()
  }

  func quarantined(_ run: Run) {
    vacate(run)
    checkQuiet()
  }

  /// A program whose end cannot be watched is killed, and reaped some time after.
  func adopt(_ pid: Int32) {
    // Our own child, and nobody has reaped it: the number is still its.
    kill(pid, SIGKILL)
    unwatched.append(pid)
  }

  func forget(_ run: Run) {
    runs[run.record.id] = nil
    vacate(run)
    checkQuiet()
  }

  func checkQuiet() {
    if runs.values.allSatisfy({ $0.isAnnounced }) { onJudged() }
    if isQuiet { onQuiet() }
  }

  // MARK: - Events

  /// What the loop tells it.
  public func ready(_ tag: Int, _ readiness: Readiness) {
    switch tag {
    case Tag.ledger: takeOutcomes()
    case Tag.notices: takeNotices()
    case Tag.neighbours: neighbourBegan()
    default: takeSignals()
    }
  }

  /// Time to look after what nobody tells of.
  public func timerFired(_ tag: Int) {
    switch tag {
    case Tag.rounds: makeRounds()
    case Tag.seats: askForSeats()
    case Tag.drain: stop()
    default: look()
    }
  }

  private func look() {
    busyGroups.removeAll { RunGroups.remove(named: $0.description, from: groups) }
    for run in Array(runs.values) { run.checkTasks() }
    seeToStrays()
    if !busyGroups.isEmpty || needsPulse { beat() }
  }

  /// How often it looks.
  private static let pulseInterval = TimeSpan.seconds(1)

  /// A v1 pids controller counts what it refuses and tells nobody.
  private var needsPulse: Bool { runs.values.contains { $0.isSilentlyRefusedTasks } }

  func beat() {
    if pulse.deadline == .never { pulse.arm(at: Loop.shared.now + Self.pulseInterval, source: self) }
  }

  private func takeOutcomes() {
    ledger.outcomes.take(&outcomes)
    for outcome in outcomes {
      switch outcome {
      case .opened(let id, _), .notOpened(let id, _), .notResumable(let id, _), .known(let id, _),
        .changed(let id, _, _),
        .updated(let id),
        .refused(let id, _):
        runs[id]?.ledgerAnswered(outcome)
      case .found(let ticket, let run): answer(ticket, runs: .success(run.map { [$0] } ?? []))
      case .children(let ticket, let runs): answer(ticket, runs: .success(runs))
      case .notFound(let ticket, let error):
        answer(ticket, runs: .failure(HostError(.ledgerUnavailable, error.message)))
      case .delayed(let error):
        ledgerTrouble = error
        // Room for the last words: the verdict of a run that has itself filled the disk must still fit.
        if error.code == .full { reserve.release() }
        log(error.message)
      case .caughtUp: ledgerTrouble = nil
      case .unspilled(let message): log(message)
      case .beaten: break
      case .lookedAround(let othersHaveRuns):
        guard othersHaveRuns else { break }
        recoverOthers()
        beginRounds()
      }
    }
    outcomes.removeAll(keepingCapacity: true)
    checkQuiet()
  }

  private func takeSignals() {
    while let signal = try? signals?.owner.next() {
      if signal.number == SIGCHLD { childrenEnded(signal.child) } else { onSignal(signal.number) }
    }
  }

  private func stoodStill(for span: TimeSpan) {
    for run in runs.values { run.hostStoodStill(for: span) }
  }
}
