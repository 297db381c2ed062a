import Glibc
import Kernel
public import Model
import Testing

/// A program that a test started: its output goes to files, so that it can be read while it runs.
///
/// It is killed when the test lets go of it.
public final class Child {
  /// Its process id.
  public let pid: Int32
  private let folder: TemporaryDirectory
  private var status: ProcessExit?

  /// Starts a program with this environment and no other; with a terminal, that is its session's own; with streams, these
  /// are its stdin and stdout.
  public init(
    _ program: String, _ arguments: [String], environment: [String: String], directory: String = "/",
    terminal: Terminal? = nil, streams: (input: Int32, output: Int32)? = nil
  ) throws {
    folder = try TemporaryDirectory()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let terminal {
      // Opened by a session leader without a terminal, it becomes the session's own.
      for descriptor: Int32 in 0...2 {
        posix_spawn_file_actions_addopen(&actions, descriptor, terminal.path, O_RDWR, 0)
      }
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
      // Made even when it is not used: what is said of it reads it.
      for (descriptor, name) in [(1, "stdout"), (2, "stderr")] as [(Int32, String)] {
        posix_spawn_file_actions_addopen(
          &actions, descriptor, "\(folder.path)/\(name)", O_WRONLY | O_CREAT | O_APPEND, 0o600)
      }
      if let streams {
        posix_spawn_file_actions_adddup2(&actions, streams.input, 0)
        posix_spawn_file_actions_adddup2(&actions, streams.output, 1)
      }
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    // A session of its own; the flag's name is hidden from Swift.
    let newSession: Int16 = 0x80
    posix_spawnattr_setflags(&attributes, newSession | Int16(POSIX_SPAWN_SETSIGMASK))
    var pid: pid_t = 0
    // env enters the directory and becomes the program: posix_spawn's own way is hidden from Swift.
    let words = try CStrings(["/usr/bin/env", "-C", directory, program] + arguments)
    let variables = try CStrings(environment.map { "\($0.key)=\($0.value)" })
    let code = words.withPointers { words in
      variables.withPointers { variables in
        let (words, variables) = (UnsafeRawPointer(words), UnsafeRawPointer(variables))
        return posix_spawn(
          &pid, "/usr/bin/env", &actions, &attributes,
          words.assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self),
          variables.assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self))
      }
    }
    guard code == 0 else { throw SystemError(call: "posix_spawn", code: code, detail: program) }
    self.pid = pid
  }

  deinit {
    if status == nil {
      Glibc.kill(pid, SIGKILL)
      var ignored: Int32 = 0
      waitpid(pid, &ignored, 0)
    }
  }

  /// What it has written to stdout so far.
  public var output: String { (try? contents("\(folder.path)/stdout")) ?? "" }

  /// What it has written to stderr so far.
  public var errors: String { (try? contents("\(folder.path)/stderr")) ?? "" }

  /// Sends it a signal.
  public func signal(_ number: Int32) { Glibc.kill(pid, number) }

  /// How it ended, if it has.
  public func poll() -> ProcessExit? {
    var word: Int32 = 0
    if status == nil, waitpid(pid, &word, WNOHANG) == pid {
      status = word & 0x7f == 0 ? .code(word >> 8 & 0xff) : .signal(word & 0x7f)
    }
    return status
  }

  /// Waits until it has ended.
  @discardableResult
  public func wait(within limit: TimeSpan = .seconds(60)) throws -> ProcessExit {
    try eventually("process \(pid) does not end; it said: \(output) \(errors)", within: limit) { poll() != nil }
    return try #require(status)
  }
}

/// A whole file as text.
public func contents(_ path: String) throws -> String {
  String(decoding: try Descriptor.open(path, flags: O_RDONLY).readAll(limit: .max) ?? [], as: UTF8.self)
}

/// A terminal of the test's own.
public final class Terminal {
  private let controller: Descriptor
  /// What a program opens to be on it.
  public let path: String
  private var seen = ""

  /// A new terminal.
  public init() throws {
    controller = try Descriptor.open("/dev/ptmx", flags: O_RDWR | O_NOCTTY)
    // TIOCSPTLCK and TIOCGPTN: what unlockpt and ptsname do, which are hidden from Swift.
    var (lock, number): (Int32, Int32) = (0, 0)
    guard ioctl(controller.raw, 0x4004_5431, &lock) == 0, ioctl(controller.raw, 0x8004_5430, &number) == 0 else {
      throw SystemError(call: "ioctl", code: errno, detail: "/dev/ptmx")
    }
    path = "/dev/pts/\(number)"
    try controller.setNonblocking()
  }

  /// All that was written to it so far.
  public var screen: String {
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = piece.withUnsafeMutableBytes { buffer in
        if case .bytes(let count)? = try? controller.read(into: buffer) { count } else { 0 }
      }
      guard count > 0 else { return seen }
      seen += String(decoding: piece[..<count], as: UTF8.self)
    }
  }

  /// Types something.
  public func type(_ text: String) throws { try controller.writeAll(Array(text.utf8).span.bytes) }
}
