import Glibc
import Kernel
import Model

/// A program that was started; it is killed when nobody holds it any more.
final class Program {
  let pid: Int32
  /// Where its stdin comes from; /dev/null when it is not wanted.
  private(set) var input: Descriptor?
  /// Where its stdout goes to; /dev/null when it is not wanted.
  private(set) var output: Descriptor?
  private let name: String
  private let errorFile: String
  private var hasEnded = false

  /// How it is connected.
  struct Streams: OptionSet {
    let rawValue: Int
    static let input = Streams(rawValue: 1)
    static let output = Streams(rawValue: 2)
  }

  /// Starts it; what it says on stderr goes into a file that a complaint can quote.
  init(
    _ path: String, _ arguments: [String], environment: [String: String] = ProcessEnvironment.current(),
    streams: Streams, errors: String
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    let toProgram = try Pipe.make()
    let fromProgram = try Pipe.make()
    if streams.contains(.input) { posix_spawn_file_actions_adddup2(&actions, toProgram.reader.raw, 0) }
    if streams.contains(.output) { posix_spawn_file_actions_adddup2(&actions, fromProgram.writer.raw, 1) }
    // A group of its own, so that what it has started does not outlive it and disturb those who are measured next.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    let words = try CStrings([path] + arguments)
    let variables = try CStrings(environment.map { "\($0.key)=\($0.value)" })
    var pid: pid_t = 0
    let code = words.withPointers { words in
      variables.withPointers { variables in
        // C takes them as if it might write to them; it does not.
        let (words, variables) = (UnsafeRawPointer(words), UnsafeRawPointer(variables))
        return posix_spawn(
          &pid, path, &actions, &attributes, words.assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self),
          variables.assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self))
      }
    }
    guard code == 0 else { throw SystemError(call: "posix_spawn", code: code, detail: path) }
    self.pid = pid
    name = path.split(separator: "/").last.map { String($0) } ?? path
    errorFile = errors
    if streams.contains(.input) { input = try toProgram.writer.duplicate() }
    if streams.contains(.output) { output = try fromProgram.reader.duplicate() }
  }

  deinit {
    guard !hasEnded else { return }
    Glibc.kill(-pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  /// What it has said on stderr, the end of it.
  var complaint: String {
    let bytes = (try? Descriptor.open(errorFile, flags: O_RDONLY).readAll(limit: 1 << 20)) ?? []
    let text = String(decoding: bytes.suffix(400), as: UTF8.self)
    return text.split(separator: "\n").joined(separator: " / ")
  }

  /// Says something to it.
  func write(_ text: String) throws { try input?.writeAll(Array(text.utf8).span.bytes) }

  /// Has no more to say.
  func closeInput() { input = nil }

  func signal(_ number: Int32) { Glibc.kill(pid, number) }

  /// Waits for its end, which must be a good one unless it was signalled.
  func wait(within patience: TimeSpan, signalled: Bool = false) throws {
    guard try Pidfd.open(pid).descriptor.isReadable(within: patience) else {
      throw BenchError("\(name) does not end within \(patience.milliseconds) ms: \(complaint)")
    }
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    hasEnded = true
    guard status == 0 || signalled else { throw BenchError("\(name) failed (\(status)): \(complaint)") }
  }

  /// Reads what it prints to the end and waits for that: the number in the last line.
  func figure(within patience: TimeSpan) throws -> Double {
    let deadline = Clock.now() + patience
    // A subscriber reads all of it, and looks only at the end.
    var tail: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 256 * 1024)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try read(into: $0, until: deadline) }
      if count == 0 { break }
      tail = tail.suffix(64) + buffer[..<count].suffix(64)
    }
    try wait(within: .seconds(10))
    let line = tail.split(separator: UInt8(ascii: "\n")).last ?? []
    guard let number = Double(String(decoding: line, as: UTF8.self)) else {
      throw BenchError("\(name) gives no figure: \(complaint)")
    }
    return number
  }

  /// Waits until it has said a first piece of something.
  func awaitWord(within patience: TimeSpan) throws {
    var byte: UInt8 = 0
    let deadline = Clock.now() + patience
    guard try withUnsafeMutableBytes(of: &byte, { try read(into: $0, until: deadline) }) > 0 else {
      throw BenchError("\(name) says nothing: \(complaint)")
    }
  }

  /// Reads what it says next, for which it waits: how many bytes that are, 0 when it has no more to say.
  func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Instant) throws -> Int {
    guard output?.isReadable(within: deadline - Clock.now()) ?? false else {
      throw BenchError("\(name) says nothing for too long: \(complaint)")
    }
    if case .bytes(let count)? = try output?.read(into: buffer) { return count }
    return 0
  }
}
