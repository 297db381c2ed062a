import Kernel
public import Model
public import Testing

/// What holds on to a run's processes, and on what kind of machine.
public enum Rung: String, CaseIterable, CustomTestStringConvertible, Sendable {
  /// Version 2 control groups.
  case unified = "cgroup2"
  /// Version 1 control groups.
  case legacy = "cgroup1"
  /// Descent alone.
  case descent
  /// Version 2 control groups on a kernel that lacks the newer calls.
  case olderKernel = "cgroup2 of an older kernel"
  /// A user who may write to no control group.
  case ordinaryUser = "an ordinary user"
  /// A user to whom a part of the version 2 tree was given.
  case delegatedUser = "an ordinary user with a group"

  /// Its name in the list of tests.
  public var testDescription: String { rawValue }

  /// The features to do without.
  public var mask: String {
    switch self {
    case .unified, .ordinaryUser, .delegatedUser: ""
    case .legacy: "cgroup2"
    case .descent: "cgroup2,cgroup1"
    case .olderKernel: "clone3,close_range,cgroup_kill"
    }
  }

  /// What the record must say.
  public var containment: Containment {
    switch self {
    case .unified, .olderKernel, .delegatedUser: .cgroup2
    case .legacy: .cgroup1
    case .descent, .ordinaryUser: .subreaper
    }
  }

  /// Whether somebody else than root is at work.
  public var isUnprivileged: Bool { self == .ordinaryUser || self == .delegatedUser }

  /// Why this machine does not have it; nil where it does.
  public var obstacle: String? {
    let places = CgroupPlaces.current()
    switch self {
    case .descent: return nil
    case .ordinaryUser: return TestUser.obstacle
    case .unified, .olderKernel:
      return TestGroup(below: places.unified) == nil ? "no v2 group can be made" : nil
    case .legacy:
      let canMake = [places.memory, places.pids].allSatisfy { TestGroup(below: $0) != nil }
      return canMake ? nil : "no v1 groups of memory and pids can be made"
    case .delegatedUser:
      return TestUser.obstacle ?? (TestGroup(below: places.unified) == nil ? "no v2 group can be made" : nil)
    }
  }
}
