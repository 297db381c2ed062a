import Glibc
import Support
import Model
import Testing

@testable import Kernel

@Suite(.tags(.large), .timeLimit(.minutes(5)))
struct ProcessTests {
  @Test
  func `a pidfd tells an exit code, leaves the zombie, and then reaps it with its cost`() throws {
    let process = try launch("/bin/sh", ["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 7"])
    try eventually { try process.pidfd.exitStatus() != nil }
    #expect(try process.pidfd.exitStatus() == .code(7))
    #expect(try ProcessTable.stat(process.pid)?.state == "Z")
    let reaped = try #require(try process.pidfd.reap())
    #expect(reaped.status == .code(7))
    #expect(reaped.cpu > .zero)
    #expect(reaped.maxResident > 0)
    #expect { try process.pidfd.reap() } throws: { ($0 as? SystemError)?.code == ECHILD }
    #expect(try !process.pidfd.send(SIGKILL))
  }

  @Test
  func `a pidfd tells the signal that ended a process, and nothing before`() throws {
    let process = try launch("/bin/sleep", ["1000"])
    #expect(try process.pidfd.exitStatus() == nil)
    #expect(try process.pidfd.reap() == nil)
    let other = try Pidfd.open(process.pid)
    #expect(try other.send(SIGTERM))
    try eventually { try process.pidfd.exitStatus() == .signal(SIGTERM) }
  }

  @Test
  func `a group is signalled while its leader is unreaped, and never after`() throws {
    // The leader is dead, a member lives on: the zombie keeps the group's number ours.
    let process = try launch("/bin/sh", ["-c", "/bin/sleep 1000 & exit 0"])
    try eventually { try process.pidfd.exitStatus() == .code(0) }
    let members = { try ProcessTable.members(ofSession: process.pid).filter { $0.state != "Z" } }
    #expect(try members().count == 1)
    #expect(try process.pidfd.signalGroup(ofUnreapedLeader: process.pid, SIGKILL))
    try eventually { try members().isEmpty }
    _ = try process.pidfd.reap()
    #expect { try process.pidfd.signalGroup(ofUnreapedLeader: process.pid, SIGKILL) } throws: {
      ($0 as? SystemError)?.code == ECHILD
    }
  }

  @Test
  func `a process whose name looks like a line of proc is read right`() throws {
    let place = try TemporaryDirectory()
    let process = try launch(try place.copy("/bin/sleep", as: "a) R 1 (b"), ["1000"])
    // The kernel wakes the launcher before it renames the process.
    try eventually { try ProcessTable.stat(process.pid)?.name == "a) R 1 (b" }
    let stat = try #require(try ProcessTable.stat(process.pid))
    #expect(stat.pid == process.pid)
    #expect(stat.parent == getpid())
    #expect(stat.session == process.pid)
    #expect(stat.startTicks > 0)
    #expect(try ProcessTable.all().contains { $0.pid == process.pid && $0.startTicks == stat.startTicks })
    #expect(try ProcessTable.members(ofSession: process.pid).map(\.pid) == [process.pid])
    // The kernel may skip some of the list while other children come and go.
    try eventually { try ProcessTable.ownChildren().contains(process.pid) }
  }

  @Test(arguments: ["", "12", "12 (a", "12 (a)", "12 (a) S", "12 (a) S 1 2", "x (a) S 1 1 1 0 -1 0 0 0", ")("])
  func `a line cut short is no process`(line: String) {
    #expect(Array(line.utf8).withUnsafeBufferPointer { ProcessStat(line: $0) } == nil)
  }

  @Test
  func `there is no process where there is none`() throws {
    // Above the highest pid that any kernel gives.
    #expect(try ProcessTable.stat(1 << 23) == nil)
    #expect { _ = try Pidfd.open(1 << 23) } throws: { ($0 as? SystemError)?.code == ESRCH }
  }

  @Test
  func `an orphan becomes a child of the subreaper`() async {
    await #expect(processExitsWith: .success) {
      try Subreaper.become()
      let parent = try launch("/bin/sh", ["-c", "/bin/sleep 1000 & exit 0"])
      try eventually { try parent.pidfd.exitStatus() == .code(0) }
      let orphan = try #require(try ProcessTable.members(ofSession: parent.pid).first { $0.pid != parent.pid })
      #expect(orphan.parent == getpid())
      #expect(try ProcessTable.ownChildren().contains(orphan.pid))
      try Pidfd.open(orphan.pid).send(SIGKILL)
    }
  }

  @Test
  func `a held signal is read with its sender, and does not end the process`() async {
    await #expect(processExitsWith: .success) {
      // A signal for the process goes to any thread that does not hold it back, so this one is sent to this thread.
      let queue = try SignalQueue(holding: [SIGTERM, SIGUSR1])
      #expect(try queue.next() == nil)
      pthread_kill(pthread_self(), SIGTERM)
      let signal = try #require(try queue.next())
      #expect(signal.number == SIGTERM)
      #expect(signal.sender == getpid())
      #expect(!signal.fromKernel)
    }
  }

  @Test
  func `a write to a pipe without a reader fails instead of ending the process`() async {
    await #expect(processExitsWith: .success) {
      SignalQueue.ignoreWriteSignals()
      let writer = try Pipe.make().writer.duplicate()
      #expect { try writer.writeAll([1 as UInt8].span.bytes) } throws: { ($0 as? SystemError)?.code == EPIPE }
    }
  }

  @Test
  func `the descriptor limit is raised to the hard one, and the original told`() async {
    await #expect(processExitsWith: .success) {
      var low = rlimit(rlim_cur: 64, rlim_max: 128)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &low)
      let original = try FileLimit.raise()
      #expect(original == FileLimit(soft: 64, hard: 128))
      let raised = try FileLimit.current()
      #expect(raised == FileLimit(soft: 128, hard: 128))
    }
  }

  @Test
  func `a mask names features, and may name unknown ones`() {
    #expect(Features.parse("clone3,close_range,cgroup2,cgroup1,cgroup_kill") == Features.all)
    #expect(Features.parse("close_range,unheard_of") == .closeRange)
    #expect(Features.parse("") == [])
  }

  @Test
  func `the boot, the account and the clocks are known without an environment`() async {
    await #expect(processExitsWith: .success) {
      unsetenv("HOME")
      #expect(try Boot.identifier().count == 36)
      #expect(try Boot.identifier() == Boot.identifier())
      let account = try Account.current()
      #expect(account.uid == geteuid())
      #expect(account.home.hasPrefix("/"))
      let before = Clock.now()
      #expect(Clock.now() >= before)
      #expect(abs(Clock.wallMilliseconds() / 1000 - Int64(time(nil))) <= 2)
    }
  }
}
