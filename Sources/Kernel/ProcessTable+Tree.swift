internal import Glibc

extension ProcessTable {
  /// These processes and all that descend from them, zombies included, each before its children.
  ///
  /// The walk costs what the tree costs, however many processes the machine has. Whoever forks meanwhile may be missed:
  /// who must not miss any stops what was found and walks again.
  public static func tree(from roots: [Int32], atMost bound: Int = .max) -> [ProcessStat] {
    var found: [ProcessStat] = []
    var waiting = roots
    while let pid = waiting.popLast(), found.count < bound {
      guard let process = try? stat(pid) else { continue }
      found.append(process)
      // A process keeps its children by thread; one that has but one thread keeps them under its own number.
      let threads = process.threads > 1 ? (try? numbers(in: "/proc/\(pid)/task")) ?? [] : [pid]
      for thread in threads { waiting += (try? children(of: pid, thread: thread)) ?? [] }
    }
    return found
  }

  /// Signals a process that was seen before, if it is still the same.
  ///
  /// It is named by a descriptor that is opened before its evidence is read again: the number alone may belong to
  /// somebody else by now.
  public static func signal(_ number: Int32, _ process: ProcessStat) {
    guard let handle = try? Pidfd.open(process.pid), let now = try? stat(process.pid),
      now.startTicks == process.startTicks, now.session == process.session || now.parent == process.parent
    else { return }
    _ = try? handle.send(number)
  }

  /// A variable of the environment that a process was started with; nil when it has none, or may not be looked at.
  ///
  /// Blocks while the process holds its memory map locked, as one that hangs in the kernel may do for ever.
  public static func variable(_ name: String, of pid: Int32) -> String? {
    var bytes = environment("/proc/\(pid)/environ")
    // A main thread that has ended has no memory any more; the others still have.
    if bytes.isEmpty, let threads = try? Directory.open("/proc/\(pid)/task").entries(), threads.count > 1 {
      bytes = threads.lazy.map { environment("/proc/\(pid)/task/\($0)/environ") }.first { !$0.isEmpty } ?? []
    }
    let wanted = Array("\(name)=".utf8)
    return bytes.split(separator: 0).first { $0.starts(with: wanted) }
      .map { String(decoding: $0.dropFirst(wanted.count), as: UTF8.self) }
  }

  private static func environment(_ path: String) -> [UInt8] {
    guard let file = try? Descriptor.open(path, flags: O_RDONLY), let bytes = try? file.readAll(limit: environmentBytes)
    else { return [] }
    return bytes
  }

  /// Where a process stands in each tree of control groups, as a path from that tree's root.
  public static func controlGroups(of pid: Int32) -> [String] {
    guard let text = try? Descriptor.open("/proc/\(pid)/cgroup", flags: O_RDONLY).readAll(limit: 1 << 20) else {
      return []
    }
    return text.split(separator: UInt8(ascii: "\n")).compactMap { line in
      line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false).last
        .map { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// More than the kernel lets a program start with.
  private static let environmentBytes = 8 << 20

  /// The memory of a process in bytes, what it shares with others in part: all parts together make one whole.
  ///
  /// Costs up to ten milliseconds a gigabyte, during which the process cannot map memory, and blocks like `variable`.
  public static func proportionalMemory(of pid: Int32) -> Int64? {
    guard let text = try? Descriptor.open("/proc/\(pid)/smaps_rollup", flags: O_RDONLY).readAll(limit: 1 << 16) else {
      return nil
    }
    let line = text.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: Array("Pss:".utf8)) }
    let digits = line?.filter { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    return digits.flatMap { Int64(String(decoding: $0, as: UTF8.self)) }.map { $0 * 1024 }
  }

  /// The size of a page of memory in bytes.
  public static let pageBytes = sysconf(Int32(_SC_PAGESIZE))
}
