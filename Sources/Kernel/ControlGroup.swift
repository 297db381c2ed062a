internal import Glibc

/// Which kind of control group.
public enum CgroupVersion: Int, Sendable {
  /// One tree for each controller.
  case v1 = 1
  /// One tree for all.
  case v2 = 2
}

/// One directory in a tree of control groups, held open.
public struct ControlGroup: ~Copyable, Sendable {
  /// The directory itself; its descriptor is one that a process can be born into.
  public let directory: Directory

  init(_ directory: consuming Directory) { self.directory = directory }

  /// Opens a group by its path.
  public static func open(_ path: String) throws(SystemError) -> ControlGroup {
    ControlGroup(try Directory.open(path))
  }

  /// Opens a group below it.
  func open(_ name: String) throws(SystemError) -> ControlGroup {
    ControlGroup(try directory.openDirectory(name))
  }

  /// Makes a group below it.
  public func make(_ name: String) throws(SystemError) -> ControlGroup {
    try directory.makeDirectory(name, mode: 0o755)
    return try open(name)
  }

  /// Removes a group below it, and first what is below that: ENOENT is no error, EBUSY says that processes are in it.
  public func remove(_ name: String) throws(SystemError) {
    // Most groups have no groups below them, so looking for some is put off until the kernel says that it is busy.
    guard try !removeLeaf(name) else { return }
    do {
      let child = try open(name)
      for grandchild in try child.directory.subdirectories() { try child.remove(grandchild) }
    } catch {
      guard error.code == ENOENT else { throw error }
    }
    if try !removeLeaf(name) {
      throw SystemError(call: "unlinkat", code: EBUSY, detail: "\(directory.path)/\(name)")
    }
  }

  /// Whether a group is gone now; false when something is in it.
  private func removeLeaf(_ name: String) throws(SystemError) -> Bool {
    do {
      try directory.removeDirectory(name)
      return true
    } catch {
      switch error.code {
      case ENOENT: return true
      case EBUSY: return false
      default: throw error
      }
    }
  }

  /// The processes in it and in all groups below it; 0 stands for one that our pid namespace does not show.
  public func members() -> [Int32] {
    var found = ownMembers()
    guard let names = try? directory.subdirectories() else { return found }
    for name in names {
      if let child = try? open(name) { found += child.members() }
    }
    return found
  }

  /// The processes in it alone.
  func ownMembers() -> [Int32] {
    var found: [Int32] = []
    var pid: Int32 = 0  // Its digits may go on in the next chunk; a newline ends every pid, the last one too.
    forEachChunk(of: "cgroup.procs") { chunk in
      for byte in chunk {
        if byte == UInt8(ascii: "\n") {
          found.append(pid)
          pid = 0
        } else {
          pid = pid &* 10 &+ Int32(byte &- UInt8(ascii: "0"))
        }
      }
    }
    return found
  }
}

// An optional one cannot be asked for what lies in it (`group?.directory.path`): that would take it apart.
extension ControlGroup? {
  /// The path of its directory.
  var path: String? {
    switch self {
    case .some(let group): group.directory.path
    case nil: nil
    }
  }

  /// The number of its directory.
  var raw: Int32? {
    switch self {
    case .some(let group): group.directory.descriptor.raw
    case nil: nil
    }
  }
}
