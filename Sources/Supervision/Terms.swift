public import Model

/// What a run was promised and what it is held to: all that the machine needs of its plugin and its limits.
public struct Terms: Hashable, Sendable {
  /// Launch to first sign of life; nil is no limit.
  public var start: TimeSpan?
  /// How long nothing with content may come.
  public var idle: TimeSpan?
  /// How long one tool call may take.
  public var tool: TimeSpan?
  /// How long the whole run may take.
  public var wall: TimeSpan?
  /// How long the process may take to leave after its final word.
  public var leave: TimeSpan
  /// How long it may take to stop when told to.
  public var grace: TimeSpan
  /// How long a kill may take before the process is given up as stuck.
  public var bury: TimeSpan
  /// What tells how it went.
  public var basis: Basis
  /// The last final word counts, not the first.
  public var countsLastWord: Bool
  /// Success counts only when the process then exits with 0.
  public var successNeedsExit: Bool

  /// The terms that follow from a run's limits and its plugin's ways.
  public init(
    limits: Limits = Limits(), basis: Basis = .word, countsLastWord: Bool = false, successNeedsExit: Bool = false
  ) {
    // A program that is judged by its exit may rightly be silent until then.
    start = basis == .exit ? nil : limits.span(.start)
    idle = basis == .exit ? nil : limits.span(.idle)
    tool = limits.span(.tool)
    wall = limits.span(.wall)
    leave = limits.span(.leave) ?? .zero
    grace = limits.span(.grace) ?? .zero
    bury = limits.span(.bury) ?? .zero
    self.basis = basis
    self.countsLastWord = countsLastWord
    self.successNeedsExit = successNeedsExit || basis == .evidence
  }
}
