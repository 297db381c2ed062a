internal import Dialects
internal import Model
internal import Plugins

extension Run {
  /// One line that tells a person what went wrong, with the last thing the program said about it.
  func explanation(of verdict: Verdict) -> String? {
    verdict.explanation(
      exit: record.exit, said: testimony.error ?? complaint, limits: preparation.limits, overspent: overspent)
  }

  /// The last that was written to stderr, but for what the dialect knows to be of no interest.
  private var complaint: String? { interpreter.dialect.hearsErrors ? testimony.complaint : errorLog.lastLine }
}
