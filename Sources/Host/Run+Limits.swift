internal import Dialects
internal import Glibc
internal import Kernel
internal import Loop
internal import Model
internal import Plugins
internal import Supervision

/// Memory and tasks of the whole tree: counted by the kernel where a controller does, else looked at again and again.
extension Run {
  /// How soon a tree is looked at, at first and at most: a fast hog needs a fast look.
  private static let sampleIntervals = TimeSpan.milliseconds(20)...TimeSpan.seconds(1)
  /// How often one is looked at that is only to be remembered, in case it loses its parents.
  private static let relaxedInterval = TimeSpan.seconds(5)

  /// Makes the run's control groups, as far as there are any to be had.
  func confine() {
    let limits = preparation.limits
    do {
      groups = try RunGroups(
        named: record.id.description, in: host.groups, memory: limits[.memory].value, tasks: limits[.tasks].value)
    } catch {
      groups = nil
      record.flags.insert(.containmentWeak)
      log("run \(record.id) goes without control groups: \(error)")
    }
    noteConfinement()
  }

  /// Goes on without the groups, which the kernel did not let the program into.
  func unconfine() {
    removeGroups()
    record.flags.insert(.containmentWeak)
    noteConfinement()
  }

  private func noteConfinement() {
    let limits = preparation.limits
    record.containment = .subreaper
    record.memoryEnforcer = limits[.memory].value == nil ? nil : .sampling
    if groups?.birthplace != nil {
      record.containment = .cgroup2
    } else if groups?.joined.isEmpty == false {
      record.containment = .cgroup1
    }
    switch groups?.enforcesMemory {
    case .v2: record.memoryEnforcer = .cgroup2
    case .v1: record.memoryEnforcer = .cgroup1
    case nil: break
    }
    areTasksSampled = limits[.tasks].value != nil && groups?.enforcesTasks == nil
    // Without a group to be found in, a process must have been seen before it loses its parent.
    isSampled = record.memoryEnforcer == .sampling || areTasksSampled || record.containment != .cgroup2
  }

  // MARK: - What the kernel counts

  /// Looks whether the kernel has stopped the run at a limit.
  func checkLimits() {
    guard let reading = groups?.reading() else { return }
    keep(reading)
    if let kills = reading.oomKills, kills > 0 {
      exceed(reading.ownOOMs ?? 0 > 0 ? .memory : .systemMemory)
    } else if let refused = reading.tasksRefused, refused > 0 {
      exceed(.tasks)
    }
  }

  /// Whether the kernel holds it to its limit of tasks, and tells nobody.
  var isSilentlyRefusedTasks: Bool { groups?.enforcesTasks == .v1 }

  /// The same for tasks alone, which is asked every second where the kernel does not tell.
  func checkTasks() {
    guard isSilentlyRefusedTasks, let refused = groups?.tasksRefused, refused > 0 else { return }
    exceed(.tasks)
  }

  /// What the agent itself says it has used.
  func checkBudget() {
    record.cost = testimony.usage.cost
    if overspent != nil { exceed(.budget) }
  }

  /// The limit on what is used up that the run has gone over, if it has.
  var overspent: LimitName? {
    let limits = preparation.limits
    if let limit = limits[.cost].value, let cost = testimony.usage.certainCost, cost * 1e6 > Double(limit) {
      return .cost
    }
    if let limit = limits[.tokens].value, let tokens = testimony.usage.certainTokens, tokens > limit { return .tokens }
    return nil
  }

  /// Waits for the kernel to say that it has killed for memory.
  func watchMemory() throws(SystemError) {
    switch groups?.enforcesMemory {
    case .v2:
      guard case .file(let file)? = groups?.memoryEvents else { return }
      memoryEvents = try Watched(try Descriptor.duplicate(of: file), tag: Tag.memory, for: .priority, source: self)
    case .v1:
      let bell = try Bell(blocking: false)
      try groups?.announceOutOfMemory(to: bell.descriptor.raw)
      memoryEvents = try Watched(bell.relinquish(), tag: Tag.memory, source: self)
    case nil: break
    }
  }

  /// Memory ran out. The kernel says so before it kills: who it was, and for whose limit, shows a moment later.
  func memoryRanOut() {
    // Read, or it would be ready for ever: a file of a group at its beginning, an eventfd wherever it is.
    var word: UInt64 = 0
    withUnsafeMutableBytes(of: &word) { bytes in
      if (try? memoryEvents?.owner.read(into: bytes, at: 0)) == nil { _ = try? memoryEvents?.owner.read(into: bytes) }
    }
    looksLeft = Self.mostLooks
    lookForKill()
  }

  /// How often, and how soon after one another, the counters are read when memory ran out.
  private static let mostLooks = 100
  private static let lookInterval = TimeSpan.milliseconds(10)

  func lookForKill() {
    checkLimits()
    looksLeft -= 1
    let isOver = record.status == .outOfMemory || machine.state == .gone || looksLeft <= 0
    if !isOver { lookTimer.arm(at: Loop.shared.now + Self.lookInterval, source: self) }
  }

  func exceed(_ breach: Breach) {
    perform(machine.limitExceeded(breach, at: Loop.shared.now))
    watchClock()
  }

  /// Takes down what the tree has used, while there is still something to read it from; once a turn is enough.
  func noteResources() {
    guard turnOfReading != Loop.shared.turns, let reading = groups?.reading() else { return }
    keep(reading)
  }

  /// The same of the leader and of what was waited for below it, which is all that can be known without a group.
  func noteResources(of ending: Ending) {
    if groups?.birthplace == nil { record.cpuMilliseconds = ending.cpu.milliseconds }
    if record.memoryPeak == nil, ending.maxResident > Self.ownMemory { record.memoryPeak = Int64(ending.maxResident) }
    record.tasksPeak = largest(record.tasksPeak, 1)
  }

  /// Before exec a child lives in our memory, which the kernel counts as its own: a smaller figure says nothing.
  private static var ownMemory: Int { (try? ProcessTable.stat(getpid()))?.map(\.residentBytes) ?? .max }

  private func keep(_ reading: RunGroups.Reading) {
    turnOfReading = Loop.shared.turns
    record.memoryPeak = largest(record.memoryPeak, reading.memoryPeak)
    record.tasksPeak = largest(record.tasksPeak, reading.tasksPeak)
    record.cpuMilliseconds = reading.cpu.map(\.milliseconds) ?? record.cpuMilliseconds
  }

  private func largest(_ numbers: Int64?...) -> Int64? { numbers.compactMap { $0 }.max() }

  // MARK: - What the host looks at

  func beginSampling() {
    if isSampled { sampleTimer.arm(at: Loop.shared.now + Self.sampleIntervals.lowerBound, source: self) }
  }

  func sample() {
    guard machine.state != .gone, record.pid != nil else { return }
    host.surveyor.ask(.survey(record.id, roots: roots, memoryLimit: preparation.limits[.memory].value))
  }

  func surveyed(_ survey: Survey) {
    guard machine.state != .gone else { return }
    host.orphans.note(survey, of: record.id)
    let grown = survey.memory - (lastSurvey?.memory ?? 0)
    lastSurvey = survey
    let hasMemory = record.memoryEnforcer == .sampling
    if hasMemory || record.memoryEnforcer == nil { record.memoryPeak = largest(record.memoryPeak, survey.memory) }
    record.tasksPeak = largest(record.tasksPeak, survey.tasks)
    let memoryLimit = hasMemory ? preparation.limits[.memory].value : nil
    let tasksLimit = areTasksSampled ? preparation.limits[.tasks].value : nil
    if let memoryLimit, survey.memory > memoryLimit {
      exceed(.memory)
    } else if let tasksLimit, survey.tasks > tasksLimit {
      exceed(.tasks)
    }
    guard machine.state != .gone else { return }
    let share = max(Self.share(survey.memory, of: memoryLimit), Self.share(survey.tasks, of: tasksLimit))
    let isGrowing = memoryLimit.map { grown > $0 / 16 } ?? false
    sampleTimer.arm(at: Loop.shared.now + interval(share: share, isGrowing: isGrowing), source: self)
  }

  private static func share(_ used: Int64, of limit: Int64?) -> Double {
    limit.map { min(1, Double(used) / Double($0)) } ?? 0
  }

  /// The closer to the limit, the sooner the next look; and never much later than the one before.
  private func interval(share: Double, isGrowing: Bool) -> TimeSpan {
    let bounds = Self.sampleIntervals
    if isGrowing { return bounds.lowerBound }
    let headroom = 1 - share
    let wanted = TimeSpan(nanoseconds: Int64(Double(bounds.upperBound.nanoseconds) * headroom * headroom))
    let isRelaxed = record.memoryEnforcer != .sampling && !areTasksSampled
    let next = isRelaxed ? Self.relaxedInterval : max(bounds.lowerBound, wanted)
    sampleInterval = min(next, sampleInterval + sampleInterval)
    return sampleInterval
  }

  /// Gives the groups back. The kernel may call them busy for a moment longer, which is for the host to see to.
  func removeGroups() {
    guard groups != nil else { return }
    lookTimer.disarm()
    memoryEvents.take()?.close()
    populationEvents.take()?.close()
    groups = nil
    host.removeGroups(of: record.id)
  }
}
