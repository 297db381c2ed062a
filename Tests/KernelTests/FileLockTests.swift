import Glibc
import Kernel
import Support
import Model
import Testing

@Suite(.tags(.large), .timeLimit(.minutes(5)))
struct FileLockTests {
  /// Another process that holds a lock until it is killed.
  private func launchHolder(_ path: String) throws -> Launched {
    let script = """
      import fcntl, sys, time
      file = open(sys.argv[1], "r+b")
      fcntl.lockf(file, fcntl.LOCK_EX)
      time.sleep(1000)
      """
    return try launch("/usr/bin/env", ["python3", "-c", script, path], environment: ["PATH=\(environmentPath())"])
  }

  /// Which file a lock is on, if it was got; lets go of it.
  private func identity(_ lock: consuming FileLock?) -> FileIdentity? { lock?.identity }

  @Test
  func `a lock that another process holds is told with its pid, and free when that process is killed`() throws {
    let place = try TemporaryDirectory()
    let directory = try place.open()
    let holder = try launchHolder(try place.write("lock", ""))
    try eventually {
      try #require(try holder.pidfd.exitStatus() == nil)
      return try FileLock.probe(in: directory, name: "lock") == .held(by: holder.pid)
    }
    let refused = try identity(FileLock.tryAcquire(in: directory, name: "lock"))
    #expect(refused == nil)
    let began = Clock.now()
    let late = try identity(FileLock.acquire(in: directory, name: "lock", until: began + .milliseconds(50)))
    #expect(late == nil)
    #expect(Clock.now() - began >= .milliseconds(50))

    try holder.pidfd.send(SIGKILL)
    let acquired = try identity(FileLock.acquire(in: directory, name: "lock", until: Clock.now() + .seconds(30)))
    #expect(acquired != nil)
    #expect(try acquired == directory.status(of: "lock")?.identity)
  }

  @Test
  func `a lock that this process holds survives being asked for and probed, and shows to others`() throws {
    let place = try TemporaryDirectory()
    let directory = try place.open()
    guard let lock = try FileLock.tryAcquire(in: directory, name: "lock") else { throw Unexpected(what: "not taken") }
    #expect(try directory.status(of: "lock")?.permissions == 0o600)
    #expect(try FileLock.probe(in: directory, name: "lock") == .held(by: getpid()))
    let second = try identity(FileLock.tryAcquire(in: directory, name: "lock"))
    #expect(second == nil)

    #expect(try lockState(place.path) == "taken")
    lock.release()
    #expect(try lockState(place.path) == "free")
    #expect(try FileLock.probe(in: directory, name: "lock") == .free)
  }

  /// The lock as another process finds it.
  private func lockState(_ directory: String) throws -> String {
    let script = """
      import fcntl, sys
      try:
        fcntl.lockf(open(sys.argv[1], "r+b"), fcntl.LOCK_EX | fcntl.LOCK_NB)
        sys.exit(3)
      except OSError:
        sys.exit(4)
      """
    let other = try launch(
      "/usr/bin/env", ["python3", "-c", script, "\(directory)/lock"], environment: ["PATH=\(environmentPath())"])
    try eventually { try other.pidfd.exitStatus() != nil }
    switch try other.pidfd.exitStatus() {
    case .code(3): return "free"
    case .code(4): return "taken"
    case let ending: throw Unexpected(what: "\(String(describing: ending))")
    }
  }

  @Test
  func `a probe makes no file`() throws {
    let place = try TemporaryDirectory()
    let directory = try place.open()
    #expect(try FileLock.probe(in: directory, name: "lock") == .missing)
    #expect(try directory.entries() == [])
    _ = try place.write("lock", "")
    #expect(try FileLock.probe(in: directory, name: "lock") == .free)
  }
}
