public import Model

/// The clocks of a run.
public enum TimerName: Int, CaseIterable, Hashable, Sendable {
  /// No sign of life yet.
  case start
  /// Nothing with content for a while.
  case idle
  /// A tool call is open.
  case tool
  /// The whole run.
  case wall
  /// Said its final word and has its own time to leave.
  case leave
  /// Was told to stop.
  case grace
  /// Was killed.
  case bury
  /// Time to kill again what does not die.
  case again
}

/// Deadlines as values: the machine sets them, the shell sleeps until the earliest and tells the machine.
public struct Timers: Sendable {
  private var deadlines = InlineArray<8, Instant>(repeating: .never)

  init() {}

  /// When a timer fires; `never` when it is not armed.
  public subscript(name: TimerName) -> Instant { deadlines[name.rawValue] }

  /// When the first of them fires.
  public var earliest: Instant {
    var earliest = Instant.never
    for index in deadlines.indices where deadlines[index] < earliest { earliest = deadlines[index] }
    return earliest
  }

  /// The timers that are armed.
  public var armed: [TimerName] { TimerName.allCases.filter { self[$0] != .never } }

  /// Sets a timer; no span, no timer.
  mutating func arm(_ name: TimerName, at now: Instant, after span: TimeSpan?) {
    deadlines[name.rawValue] = span.map { now + $0 } ?? .never
  }

  mutating func disarm(_ name: TimerName) { deadlines[name.rawValue] = .never }

  mutating func disarmAll() { deadlines = InlineArray(repeating: .never) }

  /// Moves a timer, if it is armed.
  mutating func postpone(_ name: TimerName, by span: TimeSpan) {
    deadlines[name.rawValue] = deadlines[name.rawValue] + span
  }

  /// Brings a timer forward, if it would fire later.
  mutating func shorten(_ name: TimerName, to instant: Instant) {
    deadlines[name.rawValue] = min(deadlines[name.rawValue], instant)
  }

  /// Disarms and gives a timer that is due, the earliest of them.
  mutating func takeDue(at now: Instant) -> TimerName? {
    let due = TimerName.allCases.filter { self[$0] <= now && self[$0] != .never }.min { self[$0] < self[$1] }
    if let due { disarm(due) }
    return due
  }
}
