internal import Kernel
internal import Model

extension HostGroups {
  /// What the control groups of a host are called; those of its runs bear the names of the runs.
  static func name(of host: HostID) -> String { "reeve-\(host)" }
}
