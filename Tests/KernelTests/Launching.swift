import Glibc
import Kernel
import Support
import Testing

/// A process under test: killed and reaped when the test lets go of it.
struct Launched: ~Copyable {
  let pid: Int32
  let pidfd: Pidfd

  deinit {
    // A test that has reaped it already gets an error here, which says just that.
    _ = try? pidfd.send(SIGKILL)
    while let isReaped = try? pidfd.reap() != nil, !isReaped { usleep(1000) }
  }

  /// A file of it in /proc.
  func proc(_ name: String) throws -> String { try contents("/proc/\(pid)/\(name)") }

  /// What its `status` says under a heading.
  func status(_ heading: String) throws -> String? {
    for line in try proc("status").split(separator: "\n") where line.hasPrefix("\(heading):") {
      return line.dropFirst(heading.count + 1).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    return nil
  }

  /// The numbers of its descriptors, and what they are.
  func descriptors() throws -> [Int: String] {
    var found: [Int: String] = [:]
    for name in try Directory.open("/proc/\(pid)/fd", following: true).entries() {
      if let number = Int(name) { found[number] = linkTarget("/proc/\(pid)/fd/\(name)") }
    }
    return found
  }
}

/// Where the tests' processes read from and write to.
func openNull() throws -> Descriptor {
  let raw = open("/dev/null", O_RDWR | O_CLOEXEC)
  guard raw >= 0 else { throw SystemError(call: "open", code: errno, detail: "/dev/null") }
  return Descriptor(owning: raw)
}

/// Performs a request on the given thread, or one that never ends.
func perform(_ request: LaunchRequest, on thread: WorkerThread? = nil) throws -> LaunchOutcome {
  let slot = try LaunchSlot()
  return try (thread ?? WorkerThread.shared.get()).submit { request.perform(in: slot) }.take()
}

/// Starts a program, which must succeed, with /dev/null for its descriptors.
func launch(
  _ program: String, _ arguments: [String] = [], environment: [String] = [], directory: String = "/",
  on thread: WorkerThread? = nil, _ change: (inout LaunchRequest) -> Void = { _ in }
) throws -> Launched {
  let null = try openNull()
  var request = try LaunchRequest(
    program: program, arguments: arguments, environment: environment, directory: directory,
    standardInput: null.raw, standardOutput: null.raw, standardError: null.raw)
  change(&request)
  switch try perform(request, on: thread) {
  case .started(let process): return Launched(pid: process.pid, pidfd: process.claim())
  case .failed(let failure): throw failure
  }
}

/// Tries to start a program that cannot be started.
func failure(
  of program: String, _ arguments: [String] = [], directory: String = "/", features: Features = .all
) throws -> LaunchFailure {
  do {
    _ = try launch(program, arguments, directory: directory) { $0.features = features }
  } catch let failure as LaunchFailure {
    return failure
  }
  throw Unexpected(what: "\(program) started")
}

struct Unexpected: Error { let what: String }

func linkTarget(_ path: String) -> String {
  var buffer: [CChar] = Array(repeating: 0, count: 4096)
  let size = readlink(path, &buffer, buffer.count)
  return String(decoding: buffer.prefix(max(size, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// So many bytes of a pipe, as text.
func readText(_ descriptor: borrowing Descriptor, _ count: Int) throws -> String {
  var buffer: [UInt8] = Array(repeating: 0, count: count + 1)
  guard case .bytes(let count) = try buffer.withUnsafeMutableBytes({ try descriptor.read(into: $0) }) else { return "" }
  return String(decoding: buffer[..<count], as: UTF8.self)
}
