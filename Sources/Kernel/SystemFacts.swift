internal import CLinux
internal import Glibc

/// What decides whose the trees of control groups are.
public struct SystemFacts: Equatable, Sendable {
  /// Whether systemd runs this system: then it owns all groups but those that it has delegated.
  public var isSystemdRunning: Bool

  /// Facts that are known from elsewhere.
  public init(isSystemdRunning: Bool) { self.isSystemdRunning = isSystemdRunning }

  /// The facts of this system.
  public static func current() -> SystemFacts {
    // What sd_booted(3) asks.
    var status = stat()
    let isThere = lstat("/run/systemd/system", &status) == 0
    return SystemFacts(isSystemdRunning: isThere && status.st_mode & S_IFMT == S_IFDIR)
  }

  /// Why we may not use the trees of control groups, by our own directory in the v2 tree; nil if we may.
  ///
  /// systemd marks what it has delegated in the v2 tree alone, so that counts for the v1 trees too.
  func refusal(of unified: String?) -> Obstacle? {
    guard isSystemdRunning else { return nil }
    guard let unified else {
      return Obstacle(
        reason: "systemd manages the control groups, and no v2 tree tells whether any are delegated to us")
    }
    guard let unit = SystemFacts.unit(of: unified) else {
      return Obstacle(reason: "systemd manages \(unified)", remedy: delegationRemedy)
    }
    if SystemFacts.isDelegated(unit) { return nil }
    return Obstacle(reason: "systemd manages \(unit) and has not delegated it", remedy: delegationRemedy)
  }

  /// How to get groups that are ours alone.
  var delegationRemedy: String {
    guard isSystemdRunning else { return "start reeve in a control group that nothing else is in" }
    let manager = geteuid() == 0 ? "" : " --user"
    return "systemd-run\(manager) --scope -p Delegate=yes reeve …"
  }

  /// The directory of the innermost systemd unit that a group belongs to.
  static func unit(of group: String) -> String? {
    let endings = [".service", ".scope", ".slice", ".mount", ".socket", ".swap"]
    var components = group.split(separator: "/")
    while let last = components.last {
      if endings.contains(where: { last.hasSuffix($0) }) { return "/" + components.joined(separator: "/") }
      components.removeLast()
    }
    return nil
  }

  /// Whether systemd has put its mark on a unit's directory: the first name is for everyone, the second needs privileges.
  static func isDelegated(_ unit: String) -> Bool {
    ["user.delegate", "trusted.delegate"].contains { name in
      var value: UInt8 = 0
      return cl_get_attribute(unit, name, &value, 1) == 1 && value == UInt8(ascii: "1")
    }
  }
}
