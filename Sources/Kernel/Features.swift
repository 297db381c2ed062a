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

  /// All that this process may try.
  public static let usable = Features.all.subtracting(parse(getenv("REEVE_MASK").map { String(cString: $0) } ?? ""))

  /// Every feature there is.
  public static let all: Features = [.clone3, .closeRange]

  /// The features in a comma list; a name that is not known here may be known to another version.
  static func parse(_ list: String) -> Features {
    list.split(separator: ",").reduce(into: []) { features, name in
      switch name {
      case "clone3": features.insert(.clone3)
      case "close_range": features.insert(.closeRange)
      default: break
      }
    }
  }
}
