/// What holds on to the processes of a run, the strongest first.
public enum Containment: String, CaseIterable, Hashable, Sendable {
  /// A v2 control group, which no process leaves unseen and which is killed in one blow.
  case cgroup2
  /// v1 control groups, which bound a run; its processes are found by descent.
  case cgroup1
  /// Descent alone: orphans come to the host.
  case subreaper
}

/// Who holds a run to its memory limit.
public enum Enforcer: String, CaseIterable, Hashable, Sendable {
  /// The kernel, by the v2 controller.
  case cgroup2
  /// The kernel, by the v1 controller.
  case cgroup1
  /// The host, which looks again and again.
  case sampling
}
