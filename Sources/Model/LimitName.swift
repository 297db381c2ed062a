/// The limits a run lives under.
public enum LimitName: String, CaseIterable, Hashable, Sendable {
  /// Request to first sign of life.
  case start
  /// Silence: no event with content.
  case idle
  /// One tool call.
  case tool
  /// The whole run.
  case wall
  /// Memory of the whole tree.
  case memory
  /// Processes and threads of the whole tree.
  case tasks
  /// Bytes of transcript.
  case output
  /// Bytes of one line.
  case line
  /// Bytes of stderr that are kept.
  case stderr
  /// Money.
  case cost
  /// Tokens, in and out.
  case tokens
  /// Final word to being told to leave.
  case leave
  /// Being told to stop to being killed.
  case grace
  /// Being killed to being given up as stuck.
  case bury

  /// What a limit counts, and so how its value is written.
  public enum Unit: Sendable {
    /// Nanoseconds, written like `90s`.
    case time
    /// Bytes, written like `512MiB`.
    case bytes
    /// A plain number.
    case count
    /// Millionths of a dollar, written as dollars.
    case money
  }

  /// All that is fixed about a limit, in one place.
  public struct Rule: Sendable {
    /// What it counts.
    public let unit: Unit
    /// What holds when nobody says otherwise; nil is no limit.
    public let standard: Int64?
    /// The values that make sense, both ends included.
    public let range: ClosedRange<Int64>
    /// Whether `"none"` is allowed.
    public let optional: Bool
  }

  /// The rule of this limit.
  public var rule: Rule {
    switch self {
    case .start: .time(.seconds(60))
    case .idle: .time(.seconds(600))
    case .tool: .time(.seconds(7200))
    case .wall: .time(.seconds(21_600))
    // Half of RAM, which only the host knows; below 1 MiB no program starts.
    case .memory: Rule(unit: .bytes, standard: nil, range: 1 << 20...Int64.max, optional: true)
    case .tasks: Rule(unit: .count, standard: 4096, range: 1...4_194_304, optional: true)
    case .output: Rule(unit: .bytes, standard: 1 << 30, range: 1...Int64.max, optional: true)
    // A line is held in memory while it is read: hence always a bound, and not a large one.
    case .line: Rule(unit: .bytes, standard: 16 << 20, range: 1 << 10...1 << 30, optional: false)
    case .stderr: Rule(unit: .bytes, standard: 1 << 20, range: 0...1 << 30, optional: false)
    case .cost: Rule(unit: .money, standard: nil, range: 1...Int64.max, optional: true)
    case .tokens: Rule(unit: .count, standard: nil, range: 1...Int64.max, optional: true)
    // How long the three steps of a burial may take is what bounds a run: they cannot be switched off.
    case .leave: .time(.seconds(10), atLeast: 0, optional: false)
    case .grace: .time(.seconds(5), atLeast: 0, optional: false)
    case .bury: .time(.seconds(2), optional: false)
    }
  }
}

extension LimitName.Rule {
  /// A year and a day: what is longer is a slip of the pen.
  private static let longest = TimeSpan.seconds(366 * 86_400).nanoseconds

  fileprivate static func time(
    _ standard: TimeSpan, atLeast: Int64 = TimeSpan.milliseconds(1).nanoseconds, optional: Bool = true
  ) -> LimitName.Rule {
    LimitName.Rule(unit: .time, standard: standard.nanoseconds, range: atLeast...longest, optional: optional)
  }
}
