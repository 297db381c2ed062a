public import Model

/// Why a run may not be resumed: the run as it was when somebody tried, and the one that was quicker.
public struct ResumeRefusal: Sendable {
  /// The run that was to be resumed.
  public let run: RunRecord
  /// The run that resumes it already.
  public let winner: RunRecord?

  /// What stands in the way of resuming this run.
  public init(run: RunRecord, winner: RunRecord? = nil) {
    self.run = run
    self.winner = winner
  }
}
