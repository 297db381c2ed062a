internal import Loop
public import Model
public import Supervision

/// How a host ends: it takes nothing new, lets what runs finish if it may, and ends the rest.
extension Host {
  /// Takes no new work. What runs, or waits to, may go on for so long; then it is cancelled.
  public func drain(for patience: TimeSpan) {
    guard phase != .stopping else { return }
    guard patience > .zero else { return stop() }
    phase = .draining
    onStopping()
    drainTimer.arm(at: Loop.shared.now + patience, source: self)
    checkQuiet()
  }

  /// Whether it takes no new work.
  public var isDraining: Bool { phase != .open }

  /// Takes no new work and ends what runs.
  public func stop(_ reason: Verdict.Cancellation = .shutdown, urgency: RunMachine.Urgency = .normal) {
    phase = .stopping
    onStopping()
    drainTimer.disarm()
    for run in Array(runs.values) { run.cancel(reason, urgency: urgency) }
    checkQuiet()
  }
}
