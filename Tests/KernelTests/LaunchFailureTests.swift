import Glibc
import Kernel
import Support
import Model
import Testing

/// What a launch that fails says and leaves.
@Suite(.tags(.large), .timeLimit(.minutes(5)))
struct LaunchFailureTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let step: LaunchStep
    let error: Int32
    let words: String
    let attempt: @Sendable (String, Features) throws -> LaunchFailure
  }

  static let cases = [
    Case(testDescription: "missing file", step: .exec, error: ENOENT, words: "no such file") { place, kernel in
      try failure(of: "\(place)/missing", features: kernel)
    },
    Case(testDescription: "directory", step: .exec, error: EACCES, words: "is a directory") { place, kernel in
      try failure(of: place, features: kernel)
    },
    Case(testDescription: "not executable", step: .exec, error: EACCES, words: "not executable") { place, kernel in
      try failure(of: "\(place)/plain", features: kernel)
    },
    Case(testDescription: "interpreter", step: .exec, error: ENOENT, words: "interpreter /no/such") { place, kernel in
      try failure(of: "\(place)/script", features: kernel)
    },
    Case(testDescription: "no program", step: .exec, error: ENOEXEC, words: "#!") { place, kernel in
      try failure(of: "\(place)/text", features: kernel)
    },
    Case(testDescription: "long list", step: .exec, error: E2BIG, words: "an argument has 1048576 bytes") {
      place, kernel in
      try failure(of: "/bin/sleep", [String(repeating: "x", count: 1 << 20)], features: kernel)
    },
    Case(testDescription: "directory gone", step: .chdir, error: ENOENT, words: "/gone") { place, kernel in
      try failure(of: "/bin/sleep", directory: "\(place)/gone", features: kernel)
    },
    Case(testDescription: "directory a file", step: .chdir, error: ENOTDIR, words: "/plain") { place, kernel in
      try failure(of: "/bin/sleep", directory: "\(place)/plain", features: kernel)
    },
  ]

  private static func makePlace() throws -> TemporaryDirectory {
    let place = try TemporaryDirectory()
    _ = try place.write("plain", "")
    _ = try place.write("script", "#! /no/such/one --flag\n", mode: 0o700)
    _ = try place.write("text", "no program\n", mode: 0o700)
    return place
  }

  @Test(arguments: cases, LaunchTests.kernels)
  func `a failed launch names its step, its error and what to look at`(attempt: Case, kernel: Features) throws {
    let place = try Self.makePlace()
    var failure = try attempt.attempt(place.path, kernel)
    // A child of another test, between its fork and its exec, may hold what has just been written here.
    try eventually("it is held for writing") {
      if failure.error == ETXTBSY { failure = try attempt.attempt(place.path, kernel) }
      return failure.error != ETXTBSY
    }
    #expect(failure.step == attempt.step)
    #expect(failure.error == attempt.error)
    #expect(failure.message.contains(attempt.words), "\(failure.message)")
    #expect(failure.message.contains(SystemError.describe(attempt.error)), "\(failure.message)")
  }

  @Test
  func `a failed launch leaves no process and no descriptor`() async {
    // In a process of its own, where nothing else opens and launches.
    await #expect(processExitsWith: .success) {
      let place = try LaunchFailureTests.makePlace()
      _ = try failure(of: "\(place.path)/missing")  // What is made once is made now.
      let before = try Descriptor.openCount()
      let rounds = 10
      for _ in 0..<rounds {
        for kernel in LaunchTests.kernels {
          for attempt in LaunchFailureTests.cases { _ = try attempt.attempt(place.path, kernel) }
        }
      }
      // A leak would show in every round; one or two more are the runtime's own, opened once at some time.
      try eventually { try Descriptor.openCount() < before + rounds }
      #expect(try ProcessTable.ownChildren() == [])
    }
  }

  @Test(arguments: LaunchTests.kernels)
  func `a cgroup that cannot be joined fails the launch`(kernel: Features) throws {
    let place = try TemporaryDirectory()
    let directory = try place.open()
    #expect {
      _ = try launch("/bin/sleep", ["1000"]) {
        $0.features = kernel
        $0.joinedCgroups = [directory.descriptor.raw]
      }
    } throws: { ($0 as? LaunchFailure)?.step == .cgroup && ($0 as? LaunchFailure)?.error == ENOENT }
    #expect {
      _ = try launch("/bin/sleep", ["1000"]) {
        $0.features = kernel
        $0.cgroup = directory.descriptor.raw
      }
    } throws: { ($0 as? LaunchFailure)?.step == (kernel.contains(.clone3) ? .clone : .cgroup) }
  }

  @Test(arguments: LaunchTests.kernels)
  func `a launch stuck in exec shows in its slot and ends when killed through it`(kernel: Features) throws {
    let place = try TemporaryDirectory()
    let program = try place.copy("/bin/sleep", as: "leased")
    // exec breaks the lease, and waits for its holder to agree: ours never does, and no more has it a handler for SIGIO.
    let holder = try launch(
      "/usr/bin/env",
      [
        "python3", "-c",
        """
        import fcntl, signal, sys, time
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        file = open(sys.argv[1], "r+b")
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        open(sys.argv[1] + ".held", "w").close()
        time.sleep(1000)
        """, program,
      ], environment: ["PATH=\(environmentPath())"])
    try eventually {
      try #require(try holder.pidfd.exitStatus() == nil)
      return access("\(program).held", F_OK) == 0
    }

    let null = try openNull()
    var request = try LaunchRequest(
      program: program, arguments: ["1000"], directory: "/",
      standardInput: null.raw, standardOutput: null.raw, standardError: null.raw)
    request.features = kernel
    let thread = try WorkerThread()
    let slot = try LaunchSlot()
    #expect(slot.launchUnderWay()?.pid == nil)
    let began = Clock.now()
    let answer = try thread.submit { [request] in request.perform(in: slot) }
    var stuck: Int32?
    try eventually {
      guard let launch = slot.launchUnderWay() else { return false }
      stuck = launch.pid
      #expect(launch.began >= began && launch.began <= Clock.now())
      guard try ProcessTable.stat(launch.pid)?.hasExecuted == false else { return false }
      #expect(!answer.isGiven)
      #expect(try launch.pidfd.send(SIGKILL))
      return true
    }
    guard case .failed(let failure) = try answer.take() else { throw Unexpected(what: "it started") }
    #expect(Clock.now() - began < .seconds(40), "freed by the kill, not by the lease's end")
    #expect(failure.step == .exec)
    #expect(failure.error == ECANCELED)
    let pid = try #require(stuck)
    #expect(try ProcessTable.stat(pid)?.parent != getpid(), "it is reaped")
    #expect(slot.launchUnderWay()?.pid == nil)
    try thread.close()
  }
}

extension LaunchFailureTests {
  /// The kernel wakes the launcher before it notes the exec: a launch that was looked at must not be taken for a killed one.
  @Test(arguments: LaunchTests.kernels)
  func `a launch that was only looked at is not taken for one that was killed`(kernel: Features) throws {
    let null = try openNull()
    var request = try LaunchRequest(
      program: "/bin/sleep", arguments: ["0"], directory: "/",
      standardInput: null.raw, standardOutput: null.raw, standardError: null.raw)
    request.features = kernel
    let slot = try LaunchSlot()
    let isDone = Flag()
    let observer = try WorkerThread()
    let observations = try observer.submit {
      var count = 0
      while !isDone.isSet { if slot.launchUnderWay() != nil { count += 1 } }
      return count
    }
    let thread = try WorkerThread()
    for _ in 0..<50 {
      let answer = try thread.submit { [request] in request.perform(in: slot) }
      guard case .started(let process) = try answer.take() else { throw Unexpected(what: "it failed") }
      let launched = Launched(pid: process.pid, pidfd: process.claim())
      try eventually { try launched.pidfd.exitStatus() == .code(0) }
    }
    isDone.set()
    #expect(try observations.take() > 0)
    for worker in [observer, thread] { try worker.close() }
  }
}

/// Where the tests' own helpers are found.
func environmentPath() -> String { getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin" }
