public import Model

extension RunGroups {
  /// What the groups of a run count; nil each that is not known here.
  public struct Reading: Equatable, Sendable {
    /// The most bytes of memory that were in use at once; those in use now, where the kernel does not keep the most.
    public var memoryPeak: Int64?
    /// How often a process was killed because memory had run out: for its own limit, an ancestor's or the machine's.
    public var oomKills: Int64?
    /// How often memory ran out because of its own limit.
    public var ownOOMs: Int64?
    /// The most processes and threads that there were at once; those there are, where the kernel does not keep the most.
    public var tasksPeak: Int64?
    /// How often a process or thread was refused because of the limit.
    public var tasksRefused: Int64?
    /// Processor time.
    public var cpu: TimeSpan?
  }

  /// How often a process or thread was refused because of the limit, alone.
  public var tasksRefused: Int64? { pids?.number("pids.events", key: "max") }

  /// Reads all counters.
  public func reading() -> Reading {
    var reading = Reading()
    switch memoryVersion {
    case .v2:
      memory?.readMemory(into: &reading)
      // Through the descriptor that is polled, which this makes wait for the next event.
      if let kills = memoryFile?.number(beside: "oom_kill") {
        reading.oomKills = kills + (memoryFile?.number(beside: "oom_group_kill") ?? 0)
      }
    case .v1: memory?.readLegacyMemory(into: &reading)
    case nil: break
    }
    reading.tasksPeak = pids?.number("pids.peak") ?? pids?.number("pids.current")
    reading.tasksRefused = tasksRefused
    // In the v2 tree even without controllers.
    if let microseconds = unified?.number("cpu.stat", key: "usage_usec") {
      reading.cpu = TimeSpan(nanoseconds: microseconds * 1000)
    }
    return reading
  }
}

extension ControlGroup {
  fileprivate func readMemory(into reading: inout RunGroups.Reading) {
    reading.memoryPeak = number("memory.peak") ?? number("memory.current")
    // `memory.events` would count the limits of groups below, too; kernels before 5.3 have nothing else.
    reading.ownOOMs = number("memory.events.local", key: "oom")
  }

  fileprivate func readLegacyMemory(into reading: inout RunGroups.Reading) {
    reading.memoryPeak = number("memory.max_usage_in_bytes")
    reading.oomKills = number("memory.oom_control", key: "oom_kill")
    guard let kills = reading.oomKills else { return }
    reading.ownOOMs = kills > 0 && hasReachedLegacyLimit ? 1 : 0
  }

  /// Whether its own limit was ever hit; v1 does not count that as such.
  ///
  /// `failcnt` counts refusals, but not on every kernel those of the limit that includes swap; then the peak tells.
  private var hasReachedLegacyLimit: Bool {
    for kind in ["memory", "memory.memsw"] {
      if let refusals = number("\(kind).failcnt"), refusals > 0 { return true }
      if let peak = number("\(kind).max_usage_in_bytes"), let limit = number("\(kind).limit_in_bytes"),
        peak >= limit - ControlGroup.legacySlack
      {
        return true
      }
    }
    return false
  }

  /// The kernel charges in batches, so that the last request may be refused this much, in bytes, below the limit.
  private static let legacySlack: Int64 = 1 << 20
}
