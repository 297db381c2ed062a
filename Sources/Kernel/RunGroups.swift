internal import Glibc

/// The groups of one run.
public struct RunGroups: ~Copyable, Sendable {
  let unified: ControlGroup?
  let memory: ControlGroup?
  let pids: ControlGroup?
  let memoryVersion: CgroupVersion?
  let pidsVersion: CgroupVersion?
  /// What enforces the run's memory limit; nil when nothing does, or when it has none.
  public let enforcesMemory: CgroupVersion?
  /// What enforces the run's limit of processes and threads; nil when nothing does, or when it has none.
  public let enforcesTasks: CgroupVersion?
  let features: Features
  /// Kept open: a file polls as changed until it is read again through the same descriptor.
  private let populationFile: Descriptor?
  let memoryFile: Descriptor?

  /// Makes groups of this name in those of the host, with these limits in bytes and in processes and threads.
  public init(
    named name: String, in host: borrowing HostGroups, memory: Int64?, tasks: Int64?
  ) throws(SystemError) {
    // One tree may stand for several.
    var made: [String] = []
    do {
      try self.init(
        unified: try host.unified?.makeOnce(name, &made),
        memory: try host.memory?.makeOnce(name, &made), memoryVersion: host.memoryVersion,
        pids: try host.pids?.makeOnce(name, &made), pidsVersion: host.pidsVersion,
        limits: (memory, tasks), features: host.features)
    } catch {
      // Not by asking all trees for the name: where it was there already, it is not ours.
      for path in made { try? ControlGroup.open(path).remove(name) }
      throw error
    }
  }

  /// Takes over groups that are there, and sets their limits.
  init(
    unified: consuming ControlGroup?, memory: consuming ControlGroup?, memoryVersion: CgroupVersion?,
    pids: consuming ControlGroup?, pidsVersion: CgroupVersion?, limits: (memory: Int64?, tasks: Int64?),
    features: Features
  ) throws(SystemError) {
    if let memoryVersion { try memory?.limitMemory(limits.memory, memoryVersion) }
    if let tasks = limits.tasks { try pids?.write("pids.max", "\(tasks)") }
    let populationFile = try unified?.openToWatch("cgroup.events")
    let memoryFile = memoryVersion == .v2 ? try memory?.openToWatch("memory.events") : nil
    self.populationFile = populationFile
    self.memoryFile = memoryFile
    enforcesMemory = limits.memory == nil ? nil : memoryVersion
    enforcesTasks = limits.tasks == nil ? nil : pidsVersion
    self.unified = unified
    self.memory = memory
    self.pids = pids
    self.memoryVersion = memoryVersion
    self.pidsVersion = pidsVersion
    self.features = features
  }

  /// The directory in the v2 tree for a process to be born into.
  public var birthplace: Int32? { unified.raw }

  /// The directories in v1 trees, to be joined between clone and exec.
  public var joined: [Int32] {
    var joined: [Int32] = []
    if memoryVersion == .v1, let memory = memory.raw { joined.append(memory) }
    let isTogether = memory.path == pids.path
    if pidsVersion == .v1, !isTogether, let pids = pids.raw { joined.append(pids) }
    return joined
  }

  /// The absolute path of the group in the v2 tree, else of the first in a v1 tree.
  public var path: String? {
    unified.path ?? memory.path ?? pids.path
  }

  /// The processes in it and below; 0 stands for one that our pid namespace does not show.
  public func members() -> [Int32] {
    // The trees hold the same processes, unless one of them was moved by hand.
    if let members = unified?.members() { return members }
    if let members = memory?.members() { return members }
    return pids?.members() ?? []
  }

  /// Whether a process lives in it, a zombie not counted; nil without a group in the v2 tree.
  public var isPopulated: Bool? {
    guard let populated = populationFile?.number(beside: "populated") else { return nil }
    return populated > 0
  }

  /// A descriptor that polls as POLLPRI from a change until `isPopulated` is read.
  public var populationEvents: Int32? {
    switch populationFile {
    case .some(let file): file.raw
    case nil: nil
    }
  }

  /// What tells that memory ran out.
  public enum MemoryEvents: Equatable, Sendable {
    /// A descriptor that polls as POLLPRI from an event until `reading()` is called.
    case file(Int32)
    /// Nothing; in a v1 tree an eventfd can be told, and else nobody counts.
    case none
  }

  /// What to wait on for memory running out.
  public var memoryEvents: MemoryEvents {
    switch memoryFile {
    case .some(let file): .file(file.raw)
    case nil: .none
    }
  }

  /// Has an eventfd rung whenever memory runs out in a v1 tree, and once when the group is removed.
  public func announceOutOfMemory(to eventfd: Int32) throws(SystemError) {
    guard memoryVersion == .v1 else { return }
    try memory?.announceOutOfMemory(to: eventfd)
  }

  /// Removes the groups of this name that are there; false when something in them is busy.
  public static func remove(named name: String, from host: borrowing HostGroups) -> Bool {
    do throws(SystemError) {
      try host.unified?.remove(name)
      try host.memory?.remove(name)
      try host.pids?.remove(name)
      return true
    } catch {
      return false
    }
  }
}

extension ControlGroup {
  /// Makes a group below it, or opens it if it is the same as one made before.
  fileprivate func makeOnce(_ name: String, _ made: inout [String]) throws(SystemError) -> ControlGroup {
    if made.contains(directory.path) { return try open(name) }
    let group = try make(name)
    made.append(directory.path)
    return group
  }

  fileprivate func announceOutOfMemory(to eventfd: Int32) throws(SystemError) {
    let control = try directory.openFile("memory.oom_control", flags: O_RDONLY)
    try write("cgroup.event_control", "\(eventfd) \(control.raw)")
  }

  /// Opens a file that polls as changed when it has; nil where this kernel does not have it.
  fileprivate func openToWatch(_ file: String) throws(SystemError) -> Descriptor? {
    do {
      let opened = try directory.openFile(file, flags: O_RDONLY)
      // It counts as changed until it is read for the first time.
      _ = opened.number(beside: "")
      return opened
    } catch {
      guard error.code == ENOENT else { throw error }
      return nil
    }
  }

  /// Limits the memory of all processes in it together.
  fileprivate func limitMemory(_ bytes: Int64?, _ version: CgroupVersion) throws(SystemError) {
    switch version {
    case .v2:
      if let bytes {
        try write("memory.max", "\(bytes)")
        try writeIfPresent("memory.swap.max", "0")
      }
      // A kill for want of memory ends the run, so it may as well take all of it at once.
      try writeIfPresent("memory.oom.group", "1")
    case .v1:
      guard let bytes else { return }
      // In this order, for the second may not be below the first.
      try write("memory.limit_in_bytes", "\(bytes)")
      try writeIfPresent("memory.memsw.limit_in_bytes", "\(bytes)")
    }
  }

  /// Writes to a file that older kernels, or those without swap, do not have.
  private func writeIfPresent(_ file: String, _ text: String) throws(SystemError) {
    do {
      try write(file, text)
    } catch {
      guard error.code == ENOENT else { throw error }
    }
  }
}
