import Glibc
import Kernel
import Model
import Support
import Testing
import Wire

/// `reeve doctor`: what it says is what a run then gets.
@Suite(.tags(.large))
struct DoctorTests {
  private func examine(_ world: World) throws -> (code: ProcessExit, ok: JSON?, findings: [JSON]) {
    let (code, output, errors) = try world.call("doctor", "--json")
    let json = try JSON.parse(output)
    return (code, json["ok"], try #require(json["findings"]?.array, "\(errors)"))
  }

  private func what(_ subject: String, _ findings: [JSON]) -> String {
    findings.first { $0["subject"]?.string == subject }?["what"]?.string ?? ""
  }

  @Test(arguments: ["", "cgroup2", "cgroup2,cgroup1"])
  func `the containment it names is the one that a run gets`(mask: String) throws {
    let world = try World()
    world.environment["REEVE_MASK"] = mask
    let (code, ok, findings) = try examine(world)
    #expect(code == .code(0) && ok == true)
    #expect(!world.has("state"), "it has made the state folder")
    #expect(try world.call("run", "echo", "x", "--wait", "gone").code == .code(0))
    let run = try world.run()
    #expect(what("containment", findings).hasPrefix(try #require(run.containment).rawValue))
    let memory = try #require(run.memoryEnforcer).rawValue
    #expect(what("memory", findings).contains(memory == "sampling" ? "sampled" : memory))
    if mask.isEmpty { return }
    let containment = findings.first { $0["subject"]?.string == "containment" }
    #expect(containment?["health"] == "weak" && what("containment", findings).contains("masked by REEVE_MASK"))
  }

  // As of a kernel without CONFIG_PROC_CHILDREN: the orphans of a run would never be seen.
  @Test
  func `without lists of children no host begins, and it says why`() throws {
    let world = try World()
    func call(_ words: String...) throws -> (code: ProcessExit, said: String)? {
      let script = "mount -t tmpfs none /proc/$$/task || exit 77; exec \"$0\" \"$@\""
      let child = try Child(
        "/usr/bin/env", ["unshare", "--mount", "/bin/sh", "-c", script] + words, environment: world.environment)
      let code = try child.wait()
      return code == .code(77) || child.errors.contains("unshare") ? nil : (code, child.output + child.errors)
    }
    guard let doctor = try call(Repository.program("reeve"), "doctor"),
      let host = try call(Repository.program("TestHost"))
    else { return skip("nothing can be mounted over /proc: a kernel that lists no children") }
    #expect(doctor.code == .code(3) && doctor.said.contains("CONFIG_PROC_CHILDREN"), "\(doctor.said)")
    #expect(host.code == .code(1) && host.said.contains("/children"), "\(host.said)")
  }

  @Test
  func `it says the same to people, with what to do`() throws {
    let world = try World()
    world.environment["REEVE_MASK"] = "cgroup2"
    let (code, output, _) = try world.call("doctor")
    #expect(code == .code(0))
    #expect(output.contains("weak    kernel: REEVE_MASK hides cgroup2\n        → unset REEVE_MASK\n"))
    #expect(output.contains("\nok      ledger: none yet"))
  }

  @Test(arguments: [true, false])
  func `a ledger that cannot be relied on is broken, and named`(isWholeFileGarbage: Bool) throws {
    let world = try World()
    #expect(try world.call("run", "echo", "x", "--wait", "gone").code == .code(0))
    #expect(try examine(world).code == .code(0))
    let path = "\(world.state)/ledger.db"
    do {
      let file = try Descriptor.open(path, flags: O_WRONLY)
      // Past the header, or all over it.
      if !isWholeFileGarbage { lseek(file.raw, 4096, SEEK_SET) }
      try file.writeAll([UInt8](repeating: 0xa5, count: 16 * 1024).span.bytes)
    }
    let (code, ok, findings) = try examine(world)
    #expect(code == .code(3) && ok == false)
    #expect(what("ledger", findings).contains(path))
    #expect(findings.first { $0["subject"]?.string == "ledger" }?["health"] == "broken")
  }

  @Test
  func `a plugin that cannot run is named, and breaks no promise`() throws {
    let world = try World()
    try world.addPlugin("odd", #"{"name":"odd","version":"1"}"#)
    try world.addPlugin("absent", #"{"name":"absent","version":"1","command":["no-such-program-anywhere"]}"#)
    let (code, _, findings) = try examine(world)
    #expect(code == .code(0))
    #expect(what("plugin odd", findings).contains("command"))
    #expect(what("plugin absent", findings).contains("no-such-program-anywhere"))
    #expect(what("plugins", findings).contains("echo"))
  }

  @Test
  func `a state folder that others may enter is broken`() throws {
    let world = try World()
    mkdir(world.state, 0o777)
    chmod(world.state, 0o777)
    #expect(try examine(world).code == .code(3))
  }
}
