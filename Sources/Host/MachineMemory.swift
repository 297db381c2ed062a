internal import Glibc
internal import Kernel

/// How much memory there is for a host and all its runs.
enum MachineMemory {
  /// The machine's, or that of the tightest control group around us, in bytes.
  static func available(at places: CgroupPlaces) -> Int64 {
    ([total] + limits(at: places)).min() ?? total
  }

  private static var total: Int64 { Int64(sysconf(Int32(_SC_PHYS_PAGES)) * ProcessTable.pageBytes) }

  private static func limits(at places: CgroupPlaces) -> [Int64] {
    var limits: [Int64] = []
    if let path = places.memory, let group = try? ControlGroup.open(path),
      let limit = group.number("memory.stat", key: "hierarchical_memory_limit")
    {
      limits.append(limit)
    }
    // v2 says only what each group itself may use.
    var path = places.unified ?? ""
    while path.hasPrefix("/sys/fs/cgroup/"), let group = try? ControlGroup.open(path) {
      if let limit = group.number("memory.max") { limits.append(limit) }
      path = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }
    return limits
  }
}
