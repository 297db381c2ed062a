public import Model

/// The sign that every program of a run finds in its environment, and passes on to what it starts.
public enum RunMark {
  /// The variable. Runs nest, so it holds a colon list, the innermost last.
  public static let variable = "REEVE_RUN"

  /// The runs that a value of the variable names.
  public static func runs(in value: String?) -> [RunID] {
    (value ?? "").split(separator: ":").compactMap { RunID($0) }
  }
}
