internal import CLinux
internal import Glibc

/// What newer kernels can do and Reeve can do without.
///
/// Each is tried where it is needed, and what the kernel refuses is done the older way. To take that way on a newer
/// kernel too, tests name features in `REEVE_MASK`, such as `clone3,close_range`.
public struct Features: OptionSet, Sendable {
  /// One bit a feature.
  public let rawValue: Int

  /// A set of features by their bits.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// A child that is born into its cgroup with its handlers reset; else `clone`, and the child sees to both.
  public static let clone3 = Features(rawValue: 1 << 0)
  /// Marking all descriptors close-on-exec in one call; else one by one.
  public static let closeRange = Features(rawValue: 1 << 1)
  /// Control groups of version 2; else those of version 1.
  public static let cgroup2 = Features(rawValue: 1 << 2)
  /// Control groups of version 1; else a tree is held by other means.
  public static let cgroup1 = Features(rawValue: 1 << 3)
  /// Killing a whole group in one write; else it is frozen, and its members are killed one by one.
  public static let cgroupKill = Features(rawValue: 1 << 4)

  /// All that this process may try.
  public static let usable = Features.all.subtracting(parse(getenv("REEVE_MASK").map { String(cString: $0) } ?? ""))

  /// Every feature there is.
  public static let all: Features = [.clone3, .closeRange, .cgroup2, .cgroup1, .cgroupKill]

  /// The features in a comma list; a name that is not known here may be known to another version.
  static func parse(_ list: String) -> Features {
    list.split(separator: ",").reduce(into: []) { features, name in
      switch name {
      case "clone3": features.insert(.clone3)
      case "close_range": features.insert(.closeRange)
      case "cgroup2": features.insert(.cgroup2)
      case "cgroup1": features.insert(.cgroup1)
      case "cgroup_kill": features.insert(.cgroupKill)
      default: break
      }
    }
  }

  /// What this kernel can really do, masked or not, of what can be told without a control group.
  public static var offered: Features {
    var offered: Features = []
    if cl_knows_clone3() { offered.insert(.clone3) }
    if cl_knows_close_range() { offered.insert(.closeRange) }
    return offered
  }
}
