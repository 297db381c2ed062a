import CPerf
import Glibc
import Kernel
import Model
import RPC
import Support
import Testing

/// A host of the release build whose allocations, system calls and wake-ups are counted while it serves.
final class CountedHost: Client {
  /// Its guardian.
  let process: Child
  /// The host itself.
  let pid: Int32
  private let table: String

  /// Nil, said loudly, where there is no release build. With a name, each allocation of the thread of that name is told
  /// on stderr, with where it comes from.
  init?(_ world: World, tracing thread: String? = nil) throws {
    let program = "\(Repository.path)/.build/release/reeve"
    guard access(program, X_OK) == 0 else {
      skip("there is no release build: what a host costs")
      return nil
    }
    let table = try world.folder.write("counts", "")
    let input = try Pipe.make()
    let output = try Pipe.make()
    // In front of reeve alone, not of what starts it.
    let process = try Child(
      "LD_PRELOAD=\(try Repository.program("libCounts.so"))",
      ["REEVE_COUNTS=\(table)"] + (thread.map { ["REEVE_COUNTS_TRACE=\($0)"] } ?? []) + [program, "serve"],
      environment: world.environment, directory: world.folder.path, streams: (input.reader.raw, output.writer.raw))
    (self.process, self.table) = (process, table)
    let reader = try output.reader.duplicate()
    let writer = try input.writer.duplicate()
    pid = try hostOf(guardian: process.pid)
    super.init(input: reader, output: writer, complaints: { process.errors })
    // It has begun, and names itself and its threads.
    _ = try call("host/status")
  }

  /// Has it end in good order.
  func end() throws {
    finish()
    try process.wait()
  }

  // MARK: - Counts

  /// Its threads, by name.
  func threads() throws -> [String: Int32] { try Self.threads(of: pid) }

  private static func threads(of process: Int32) throws -> [String: Int32] {
    var threads: [String: Int32] = [:]
    for entry in try Directory.open("/proc/\(process)/task", following: true).entries() {
      guard let thread = Int32(entry), let name = try? contents("/proc/\(process)/task/\(thread)/comm") else {
        continue
      }
      threads[String(name.dropLast()), default: thread] = thread
    }
    return threads
  }

  /// How often the threads of these names have allocated so far.
  func allocations() throws -> [String: Int] {
    // The layout of counts.c: a number of a thread and how often, 64 bytes each.
    let bytes = try Descriptor.open(table, flags: O_RDONLY).readAll(limit: .max) ?? []
    var counts: [Int32: Int] = [:]
    bytes.withUnsafeBytes { table in
      for place in stride(from: 0, to: table.count - 63, by: 64) {
        counts[table.load(fromByteOffset: place, as: Int32.self), default: 0] += Int(
          table.load(fromByteOffset: place + 8, as: UInt64.self))
      }
    }
    return try threads().mapValues { counts[$0] ?? 0 }
  }

  /// How often each of its threads, and its guardian, was put to sleep or made to wait so far: whoever wakes sleeps again.
  func switches() throws -> [String: Int] {
    var switches = try threads().mapValues { try Self.switches(of: $0, in: pid) }
    switches["guardian"] = try Self.switches(of: process.pid, in: process.pid)
    return switches
  }

  private static func switches(of thread: Int32, in process: Int32) throws -> Int {
    let lines = try contents("/proc/\(process)/task/\(thread)/status").split(separator: "\n")
    let counts = lines.filter { $0.contains("ctxt_switches:") }.compactMap { Int($0.split(separator: "\t")[1]) }
    try #require(counts.count == 2)
    return counts.reduce(0, +)
  }
}

/// The kernel's own count of what a thread asks of it.
struct SystemCalls: ~Copyable {
  private let counter: Descriptor

  /// Nil, said loudly, where the kernel does not count for us: that takes root, and a tracefs that is mounted.
  init?(of thread: Int32, waitsOnly: Bool = false, for what: String) throws {
    let places = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
    let number = places.lazy.compactMap { try? contents("\($0)/events/raw_syscalls/sys_enter/id") }.first
    guard let number, let event = UInt(number.dropLast()) else {
      skip("no tracepoints can be read: \(what)")
      return nil
    }
    let raw = waitsOnly ? cp_count_epoll_waits(thread, event) : cp_count_system_calls(thread, event)
    guard raw >= 0 else {
      skip("\(SystemError(call: "perf_event_open", code: errno)): \(what)")
      return nil
    }
    counter = Descriptor(owning: raw)
  }

  /// How many there were so far.
  func count() throws -> Int {
    var count: UInt64 = 0
    let outcome = try withUnsafeMutableBytes(of: &count) { try counter.read(into: $0) }
    guard case .bytes(8) = outcome else { throw TestFailure("the kernel does not tell its count") }
    return Int(count)
  }
}
