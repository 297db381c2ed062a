internal import CLinux

/// What a launch was doing when it failed.
public enum LaunchStep: String, Sendable, CaseIterable {
  /// Making the process.
  case clone
  /// Binding its life to the launcher's.
  case pdeathsig
  /// Joining its cgroups.
  case cgroup
  /// Giving it a session of its own.
  case setsid
  /// Entering its directory.
  case chdir
  /// Placing its three descriptors and hiding all others.
  case descriptors
  /// Resetting what it does about signals.
  case signals
  /// Setting its limits.
  case limits
  /// Giving up the right to gain privileges.
  case privileges
  /// Becoming the program.
  case exec

  /// nil where no step failed.
  init?(_ step: cl_step) {
    switch step {
    case CL_STEP_CLONE: self = .clone
    case CL_STEP_PDEATHSIG: self = .pdeathsig
    case CL_STEP_CGROUP: self = .cgroup
    case CL_STEP_SETSID: self = .setsid
    case CL_STEP_CHDIR: self = .chdir
    case CL_STEP_DESCRIPTORS: self = .descriptors
    case CL_STEP_SIGNALS: self = .signals
    case CL_STEP_LIMITS: self = .limits
    case CL_STEP_PRIVILEGES: self = .privileges
    case CL_STEP_EXEC: self = .exec
    default: return nil  // CL_STEP_NONE: a C enumeration is open, so the compiler asks for this case.
    }
  }
}

/// Why a program could not be started.
public struct LaunchFailure: Error, Equatable, Sendable {
  /// What the launch was doing.
  public let step: LaunchStep
  /// The error number; ECANCELED when the child was killed before it had become the program.
  public let error: Int32
  /// What is the matter, for people.
  public let message: String
}
