internal import CLinux

/// The adoption of orphans.
public enum Subreaper {
  /// From now on, descendants of this process that lose their parent become its children.
  public static func become() throws(SystemError) {
    try retryingInterrupts("prctl") { cl_become_subreaper() }
  }
}
