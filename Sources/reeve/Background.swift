internal import Glibc
internal import Host
internal import Kernel
internal import Model
internal import Plugins
internal import Wire

/// The background host, as commands find it: there is one, or there is one in a moment.
struct Background {
  /// How long it may take to begin.
  private static let patience = TimeSpan.seconds(30)
  /// How soon it is looked for again while it begins.
  private static let interval: UInt32 = 10_000

  private let surroundings: Surroundings
  private let state: StateFolder

  init(_ surroundings: Surroundings) throws {
    self.surroundings = surroundings
    state = try surroundings.state()
  }

  /// Connects to it, starting it if there is none, and says whose work is coming.
  func connect() throws -> HostClient {
    let deadline = Clock.now() + Self.patience
    while true {
      let attempt = Clock.now()
      do {
        if let client = try find() { return client }
      } catch let error as HostError where Clock.now() < deadline && isPassing(error, since: attempt) {
        // Another will be there.
      }
      guard Clock.now() < deadline else { throw CommandFailure(.trouble, "the background host does not begin") }
      if case .none = try BackgroundHost.find(in: state), try !isActivated() { try start() }
      usleep(Self.interval)
    }
  }

  /// Whether this is what one says that is just about to leave, or to begin.
  private func isPassing(_ error: HostError, since attempt: Instant) -> Bool {
    switch error.code {
    // One that is silent for so long is stopped.
    case .ownerUnreachable, .system: Clock.now() - attempt < HostClient.patience
    default: false
    }
  }

  /// The one that is there; nil when there is none, or none yet.
  private func find() throws -> HostClient? {
    guard case .running(let host) = try BackgroundHost.find(in: state) else { return nil }
    let client = try BackgroundHost.connect(to: host, in: state)
    // Its answer shows that it is there to stay. It works in the name of whoever called us.
    var environment = JSONObject()
    for variable in surroundings.environment where RunRequest.isVariable(variable.key, variable.value) {
      environment[variable.key] = .string(variable.value)
    }
    var caller: JSONObject = ["environment": .object(environment)]
    if let directory = try? surroundings.directory() { caller["cwd"] = .string(directory) }
    _ = try client.call("initialize", .object(caller))
    // One that is about to leave is as good as none: another can begin.
    guard case .object(let status) = try client.call("host/status", nil), status["draining"] == .bool(false) else {
      return nil
    }
    return client
  }

  /// Whether somebody else starts it when it is wanted, as systemd does: to connect is all it takes.
  private func isActivated() throws -> Bool {
    guard let folder = try? BackgroundHost.folder(in: state, environment: surroundings.environment),
      (try? folder.status(of: BackgroundHost.socketName))??.isSocket == true,
      let socket = try? UnixSocket.connect(in: folder, name: BackgroundHost.socketName, within: .seconds(1))
    else { return false }
    // What is said is of no matter: that somebody came is what starts it.
    return (try? socket.descriptor.status()) != nil
  }

  // MARK: - Start

  /// Starts a background host, and waits until it can be found or has ended, as it does when there is another.
  private func start() throws {
    guard (surroundings.environment[RunMark.variable] ?? "").isEmpty else {
      throw CommandFailure(
        .trouble,
        "there is no background host, and one that began inside a run would end with it; start it outside: reeve serve --socket"
      )
    }
    let pipe = try Pipe.make()
    let pid = try spawn(output: pipe.writer)
    let reader = try closeWriter(of: pipe)
    let said = readLine(reader)
    guard said.hasPrefix("{") else {
      var status: Int32 = 0
      // Killed, or still silent: it is looked for again.
      guard waitpid(pid, &status, said.isEmpty ? WNOHANG : 0) == pid, status != 0, status & 0x7f == 0 else { return }
      let why = said.hasPrefix("reeve: ") ? String(said.dropFirst(7)) : said
      throw CommandFailure(.trouble, "the background host did not begin: \(why)")
    }
  }

  private func closeWriter(of pipe: consuming Pipe) throws -> Descriptor { try pipe.reader.duplicate() }

  private func readLine(_ reader: borrowing Descriptor) -> String {
    var line: [UInt8] = []
    let deadline = Clock.now() + Self.patience
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { piece in
      while !line.contains(UInt8(ascii: "\n")), reader.isReadable(within: max(.zero, deadline - Clock.now())),
        case .bytes(let count)? = try? reader.read(into: piece)
      {
        line += piece[..<count]
      }
    }
    return String(decoding: line, as: UTF8.self).trimmingNewlines
  }

  /// In a session of its own, with nothing of ours but the pipe.
  private func spawn(output: borrowing Descriptor) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    for stream in [STDOUT_FILENO, STDERR_FILENO] { posix_spawn_file_actions_adddup2(&actions, output.raw, stream) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    // POSIX_SPAWN_SETSID, whose name is hidden from Swift.
    posix_spawnattr_setflags(&attributes, 0x80 | Int16(POSIX_SPAWN_SETSIGMASK))
    var pid: pid_t = 0
    let words = try CStrings(["reeve", "serve", "--socket", "--background"])
    let code = words.withPointers { words in
      // It writes to none of them, whatever its type says.
      let words = UnsafeRawPointer(words).assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self)
      return posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, words, environ)
    }
    guard code == 0 else { throw SystemError(call: "posix_spawn", code: code, detail: "/proc/self/exe") }
    return pid
  }
}

extension String {
  fileprivate var trimmingNewlines: String {
    split(omittingEmptySubsequences: true, whereSeparator: \.isNewline).joined(separator: " ")
  }
}
