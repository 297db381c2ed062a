import Glibc
import Kernel
import Support
import Model
import Testing

/// What a launched process starts with, seen from outside: by this kernel's own way, and by those of older ones.
///
/// The kernel wakes the launcher in the middle of exec, a moment before it closes what is marked close-on-exec and renames
/// the process: what it does after that moment is waited for here.
@Suite(.tags(.large), .timeLimit(.minutes(5)))
struct LaunchTests {
  static let kernels: [Features] = [.all, .closeRange, .clone3, []]
  static let sleep = "/bin/sleep"

  @Test(arguments: kernels)
  func `a process leads a session of its own without a terminal`(kernel: Features) throws {
    let process = try launch(Self.sleep, ["1000"]) { $0.features = kernel }
    let stat = try #require(try ProcessTable.stat(process.pid))
    #expect(stat.group == process.pid)
    #expect(stat.session == process.pid)
    #expect(stat.terminal == 0)
    #expect(stat.parent == getpid())
    try eventually { try ProcessTable.stat(process.pid)?.hasExecuted == true }
  }

  @Test(arguments: kernels)
  func `fifty processes launched at once have three descriptors each, whatever other threads open`(
    kernel: Features
  ) throws {
    let isDone = Flag()
    // Not marked close-on-exec, as careless libraries do it.
    let disturber = try WorkerThread()
    let disturbance = try disturber.submit {
      while !isDone.isSet {
        let raw = open("/dev/null", O_RDONLY)
        let copy = dup(raw)
        close(raw)
        close(copy)
      }
    }
    let launchers = try (0..<5).map { _ in try WorkerThread() }
    let null = try openNull()
    var request = try LaunchRequest(
      program: Self.sleep, arguments: ["1000"], directory: "/",
      standardInput: null.raw, standardOutput: null.raw, standardError: null.raw)
    request.features = kernel
    let answers = try launchers.map { [request] launcher in
      let slot = try LaunchSlot()
      return try launcher.submit { (0..<10).map { _ in request.perform(in: slot) } }
    }
    var count = 0
    for outcome in try answers.flatMap({ try $0.take() }) {
      guard case .started(let process) = outcome else { throw Unexpected(what: "\(outcome)") }
      let launched = Launched(pid: process.pid, pidfd: process.claim())
      try eventually { try launched.descriptors() == [0: "/dev/null", 1: "/dev/null", 2: "/dev/null"] }
      count += 1
    }
    #expect(count == 50)
    isDone.set()
    try disturbance.take()
    for thread in launchers + [disturber] { try thread.close() }
  }

  @Test(arguments: kernels)
  func `a process neither blocks, ignores nor catches a signal, though its launcher does`(kernel: Features) throws {
    let thread = try WorkerThread()
    // SIGPIPE and SIGUSR2 for the whole process, harmless to the other tests; SIGTERM is blocked for the thread alone.
    let maskBefore = try thread.submit {
      SignalQueue.ignoreWriteSignals()
      signal(SIGUSR2) { _ in }
      var set = sigset_t()
      sigemptyset(&set)
      sigaddset(&set, SIGTERM)
      pthread_sigmask(SIG_BLOCK, &set, nil)
      return Self.blockedSignals()
    }.take()
    let process = try launch(Self.sleep, ["1000"], on: thread) { $0.features = kernel }
    for kind in ["SigBlk", "SigIgn", "SigCgt"] {
      #expect(try process.status(kind) == "0000000000000000", "\(kind)")
    }
    let maskAfter = try thread.submit { Self.blockedSignals() }.take()
    #expect(maskAfter == maskBefore)
    #expect(maskAfter.contains(SIGTERM) && !maskAfter.contains(SIGSEGV))
    try thread.close()
  }

  /// The signals that the calling thread blocks.
  private static func blockedSignals() -> [Int32] {
    var set = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &set)
    return (1..<64).filter { sigismember(&set, $0) == 1 }
  }

  @Test(arguments: kernels, [false, true])
  func `a process may gain privileges only where its request says so`(kernel: Features, may: Bool) throws {
    let process = try launch(Self.sleep, ["1000"]) {
      $0.features = kernel
      $0.mayGainPrivileges = may
    }
    #expect(try process.status("NoNewPrivs") == (may ? "0" : "1"))
  }

  @Test(arguments: kernels)
  func `a process has the limits of its request, and its launcher keeps its own`(kernel: Features) throws {
    let scoreBefore = try contents("/proc/self/oom_score_adj")
    let limitBefore = try FileLimit.current()
    let process = try launch(Self.sleep, ["1000"]) {
      $0.features = kernel
      $0.outOfMemoryScore = 531
      $0.openFiles = FileLimit(soft: 100, hard: 200)
    }
    #expect(try process.proc("oom_score_adj") == "531\n")
    let limits = try process.proc("limits").split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace) }
    #expect(limits.contains { $0.starts(with: ["Max", "core", "file", "size", "0", "0"]) })
    #expect(limits.contains { $0.starts(with: ["Max", "open", "files", "100", "200"]) })
    #expect(try contents("/proc/self/oom_score_adj") == scoreBefore)
    #expect(try FileLimit.current() == limitBefore)
  }

  @Test(arguments: kernels)
  func `a process gets its arguments, environment, directory and descriptors, and nothing else`(
    kernel: Features
  ) throws {
    let place = try TemporaryDirectory()
    let pipe = try Pipe.make()
    let null = try openNull()
    var request = try LaunchRequest(
      program: "/bin/sh", arguments: ["-c", "pwd; echo \"$1|$2\"; /usr/bin/env", "sh", "", "a b"],
      environment: ["NAME=v=é"], directory: place.path,
      standardInput: null.raw, standardOutput: pipe.writer.raw, standardError: null.raw)
    request.features = kernel
    guard case .started(let process) = try perform(request) else { throw Unexpected(what: "no start") }
    let launched = Launched(pid: process.pid, pidfd: process.claim())
    try eventually { try launched.pidfd.exitStatus() == .code(0) }
    let count = try pipe.reader.bytesWaiting()
    let lines = try readText(pipe.reader, count).split(separator: "\n").filter { !$0.hasPrefix("PWD=") }
    #expect(lines.filter { $0 != "_=/usr/bin/env" } == ["\(place.path)", "|a b", "NAME=v=é"])
  }

  @Test
  func `standard descriptors that lie in each other's places are told apart`() async {
    // In a process of its own, whose 0, 1 and 2 may be moved about.
    await #expect(processExitsWith: .success) {
      let place = try TemporaryDirectory()
      let directory = try place.open()
      for target: Int32 in 0..<3 {
        let file = try directory.openFile("\(target)", flags: O_RDWR | O_CREAT)
        dup2(file.raw, target)
        _ = fcntl(target, F_SETFD, FD_CLOEXEC)
      }
      let orders: [[Int32]] = [[2, 0, 1], [1, 0, 0], [0, 1, 2]]
      for (sources, kernel) in orders.flatMap({ order in LaunchTests.kernels.map { (order, $0) } }) {
        var request = try LaunchRequest(
          program: "/bin/sleep", arguments: ["1000"], directory: "/",
          standardInput: sources[0], standardOutput: sources[1], standardError: sources[2])
        request.features = kernel
        guard case .started(let process) = try perform(request) else { throw Unexpected(what: "no start") }
        let launched = Launched(pid: process.pid, pidfd: process.claim())
        let expected = sources.map { "\(place.path)/\($0)" }
        try eventually { try launched.descriptors() == [0: expected[0], 1: expected[1], 2: expected[2]] }
      }
    }
  }

  @Test(arguments: kernels)
  func `a process dies with the thread that launched it`(kernel: Features) throws {
    let thread = try WorkerThread()
    let process = try launch(Self.sleep, ["1000"], on: thread) { $0.features = kernel }
    #expect(try process.pidfd.exitStatus() == nil)
    try thread.close()
    try eventually { try process.pidfd.exitStatus() == .signal(SIGKILL) }
  }

  @Test
  func `a NUL byte is refused before anything is started`() {
    let error = #expect(throws: SystemError.self) { try failure(of: Self.sleep, ["1\u{0}2"]) }
    #expect(error?.code == EINVAL)
    #expect(error?.description.contains("after \"1\"") == true)
  }
}
