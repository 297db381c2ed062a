import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// A plugin that a project brings along is run when the user has said so, of exactly this content, and else never.
@Suite(.tags(.large))
struct TrustTests {
  /// A project with a plugin that leaves a mark wherever it is run, and a folder below to work in.
  private struct Project {
    let world: World
    let path: String
    var plugin: String { "\(path)/.reeve/plugins/tool" }
    var work: String { "\(path)/src/deep" }

    init(_ name: String = "project", in world: World? = nil) throws {
      let world = try world ?? World()
      self.world = world
      path = world.path(name)
      for folder in ["", "/.reeve", "/.reeve/plugins", "/.reeve/plugins/tool", "/src", "/src/deep"] {
        mkdir(path + folder, 0o755)
      }
      write(
        "plugin.json",
        #"""
        {"name":"tool","version":"1","command":["./tool.sh"],"resume":["./tool.sh","{session}"]}
        """#)
      write(
        "tool.sh",
        """
        #!/bin/sh
        echo ran >> \(world.path("marks"))
        echo '{"type":"session","id":"s"}'
        echo '{"type":"result","status":"ok","output":"done"}'

        """)
      write("data", "one")
      chmod("\(plugin)/tool.sh", 0o755)
    }

    func write(_ name: String, _ text: String) { _ = TestFile.write(Array(text.utf8), to: "\(plugin)/\(name)") }

    /// Puts so much into the plugin that to look at it takes a while: seconds in a debug build.
    func makeSlow() {
      #if DEBUG
        let bytes = 4 << 20
      #else
        let bytes = 60 << 20
      #endif
      truncate("\(plugin)/data", bytes)
    }

    var marks: Int { ((try? contents(world.path("marks"))) ?? "").split(separator: "\n").count }

    func run(_ words: String...) throws -> (code: ProcessExit, output: String, errors: String) {
      let child = try Child(
        Repository.program("reeve"), ["run", "tool", "--wait", "gone"] + words, environment: world.environment,
        directory: work)
      return (try child.wait(), child.output, child.errors)
    }

    func trust() throws {
      let trusted = try world.call("trust", path)
      #expect(trusted.code == .code(0), "\(trusted.errors)")
    }
  }

  private func expectRefused(
    _ ended: (code: ProcessExit, output: String, errors: String), _ words: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(ended.code == .code(2), "\(ended.errors)", sourceLocation: sourceLocation)
    #expect(ended.errors.contains(words), "\(ended.errors)", sourceLocation: sourceLocation)
  }

  /// A call that must be refused as that of a plugin which is not trusted.
  private func expectUntrusted(
    _ client: Client, _ method: String, _ params: JSON, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let error = try #require(throws: RPCError.self, sourceLocation: sourceLocation) { try client.call(method, params) }
    #expect(
      error.code == 1011 && error.data?["name"] == "plugin_untrusted", "\(error)", sourceLocation: sourceLocation)
  }

  @Test
  func `a plugin that nobody has trusted is neither run nor understood, by the command or by JSON-RPC`() throws {
    let project = try Project()
    let host = try ServedHost(project.world)
    let cwd: JSON = .string(project.work)
    // The manifest is no JSON the second time: whoever had read it would have said so.
    for manifest in [nil, "nonsense"] as [String?] {
      if let manifest { project.write("plugin.json", manifest) }
      expectRefused(try project.run(), "run: reeve trust \(project.plugin)")
      try expectUntrusted(host, "run/start", ["plugin": "tool", "cwd": cwd])
      try expectUntrusted(host, "plugin/get", ["plugin": "tool", "cwd": cwd])
      try expectUntrusted(host, "env/preview", ["plugin": "tool", "cwd": cwd])
      let report = try host.call("plugin/check", ["plugin": "tool", "cwd": cwd])["plugin"]
      #expect(report?["usable"] == false && report?["why"]?.string?.contains("reeve trust") == true)
      let all = try #require(try host.call("plugin/list", ["cwd": cwd])["plugins"]?.array)
      #expect(all.first { $0["name"] == "tool" }?["usable"] == false)
    }
    #expect(try host.call("plugin/list", ["cwd": "/"])["plugins"]?.array?.contains { $0["name"] == "tool" } == false)
    #expect(project.marks == 0)
    #expect(try project.world.runs().isEmpty)
  }

  @Test
  func `what is trusted is shown before, and runs for as long as it is`() throws {
    let project = try Project()
    let trusted = try project.world.call("trust", project.path, "--json")
    #expect(trusted.code == .code(0), "\(trusted.errors)")
    let shown = try #require(try JSON.parse(trusted.output)["plugins"]?.array?.first)
    #expect(shown["name"] == "tool" && shown["folder"]?.string == project.plugin && shown["command"] == ["./tool.sh"])
    let digest = try #require(shown["digest"]?.string)
    #expect(digest.utf8.count == 64)
    let told = try project.world.call("trust", project.plugin).output
    for word in ["tool\n", project.plugin, digest, "./tool.sh"] { #expect(told.contains(word), "\(told)") }

    #expect(try project.run().output == "done\n")
    let host = try ServedHost(project.world)
    let begun = try host.call("run/start", ["plugin": "tool", "cwd": .string(project.work)])
    let id = try #require(begun["run"]?["id"])
    #expect(try host.call("run/wait", ["run": id])["run"]?["status"] == "succeeded")
    #expect(project.marks == 2)

    let list = try JSON.parse(try project.world.call("trust", "--list", "--json").output)["plugins"]
    #expect(
      list == [["folder": .string(project.plugin), "digest": .string(digest), "standing": "trusted"]])
    #expect(try project.world.call("trust", "--remove", project.path).code == .code(0))
    #expect(try project.world.call("trust", "--remove", project.path).code == .code(1))
    expectRefused(try project.run(), "nobody has trusted")
    try expectUntrusted(host, "run/start", ["plugin": "tool", "cwd": .string(project.work)])
    #expect(project.marks == 2)
  }

  @Test
  func `after any change it is refused, by name and by resume, until it is trusted again`() throws {
    let project = try Project()
    try project.trust()
    #expect(try project.run().code == .code(0))
    let old = try project.world.run().id.description
    let host = try ServedHost(project.world)
    let changes: [(what: String, make: () -> Void, undo: () -> Void)] = [
      ("a byte of its data", { project.write("data", "two") }, { project.write("data", "one") }),
      ("a file more", { project.write(".more", "") }, { unlink("\(project.plugin)/.more") }),
      (
        "a mode", { chmod("\(project.plugin)/data", 0o755) }, { chmod("\(project.plugin)/data", 0o644) }
      ),
      (
        "a link in the place of a file",
        {
          rename("\(project.plugin)/data", "\(project.path)/data")
          project.write("other", "one")
          symlink("other", "\(project.plugin)/data")
        },
        {
          unlink("\(project.plugin)/data")
          unlink("\(project.plugin)/other")
          rename("\(project.path)/data", "\(project.plugin)/data")
        }
      ),
      (
        "a link that leads out of it", { symlink("/bin/sh", "\(project.plugin)/sh") },
        { unlink("\(project.plugin)/sh") }
      ),
      (
        "its folder in another's place",
        {
          rename(project.plugin, "\(project.path)/away")
          symlink("../../away", project.plugin)
        },
        {
          unlink(project.plugin)
          rename("\(project.path)/away", project.plugin)
        }
      ),
    ]
    for change in changes {
      change.make()
      expectRefused(try project.run(), project.plugin)
      expectRefused(try project.world.call("resume", old), project.plugin)
      try expectUntrusted(host, "run/start", ["plugin": "tool", "cwd": .string(project.work)])
      try expectUntrusted(host, "run/resume", ["run": .string(old)])
      #expect(project.marks == 1, "\(change.what)")
      change.undo()
    }
    // As it was, it is what was trusted.
    #expect(try project.world.call("resume", old).code == .code(0))
    #expect(project.marks == 2)
    project.write("data", "two")
    expectRefused(try project.run(), "has changed since it was trusted")
    let list = try JSON.parse(try project.world.call("trust", "--list", "--json").output)["plugins"]
    #expect(list?.array?.first?["standing"] == "changed")
    try project.trust()
    #expect(try project.run().code == .code(0))
  }

  @Test
  func `trust is for this folder: the same content elsewhere is not trusted`() throws {
    let project = try Project()
    try project.trust()
    let other = try Project("other", in: project.world)
    expectRefused(try other.run(), "nobody has trusted")
    #expect(project.marks == 0)
  }

  @Test
  func `a project's plugin never takes the name of another, and the nearest project counts`() throws {
    let project = try Project()
    // The world has a plugin “echo” of its own; the project's would leave a mark.
    let impostor = "\(project.path)/.reeve/plugins/echo"
    mkdir(impostor, 0o755)
    _ = TestFile.write(
      Array(
        #"{"name":"echo","version":"6","command":["/bin/sh","-c","touch \#(project.world.path("impostor"))"]}"#.utf8),
      to: "\(impostor)/plugin.json")
    try project.trust()
    let ended = try project.world.call("run", "echo", "hello", "--cwd", project.work)
    #expect(ended.code == .code(0) && !project.world.has("impostor"), "\(ended.errors)")
    #expect(try project.run().code == .code(0))
    // A project inside has none of this name, and the one around it is not asked.
    for folder in ["/src/.reeve", "/src/.reeve/plugins"] { mkdir(project.path + folder, 0o755) }
    expectRefused(try project.run(), "there is no plugin “tool”")
  }

  @Test
  func `what cannot be trusted is refused by the command, and nothing of the project is recorded`() throws {
    let project = try Project()
    let bad = "\(project.path)/.reeve/plugins/zbad"
    mkdir(bad, 0o755)
    _ = TestFile.write(Array(#"{"name":"zbad","version":"1","command":["./x"]}"#.utf8), to: "\(bad)/plugin.json")
    symlink("/etc/passwd", "\(bad)/link")
    expectRefused(try project.world.call("trust", project.path), "leads out of it")
    unlink("\(bad)/link")
    chmod(bad, 0o777)
    expectRefused(try project.world.call("trust", project.path), "chmod o-w \(bad)")
    chmod(bad, 0o755)
    expectRefused(try project.run(), "nobody has trusted")
    for key in ["command", "resume", "check"] {
      let manifest = #"{"name":"zbad","version":"1","command":["./x"],"\#(key)":["./../../../x"]}"#
      let text = key == "command" ? #"{"name":"zbad","version":"1","command":["../x"]}"# : manifest
      _ = TestFile.write(Array(text.utf8), to: "\(bad)/plugin.json")
      expectRefused(try project.world.call("trust", project.path), "lies outside of it")
    }
    _ = TestFile.write(Array(#"{"name":"zbad","version":"1","command":["./x"]}"#.utf8), to: "\(bad)/plugin.json")
    expectRefused(try project.world.call("trust", project.work), "is no plugin's folder")
    expectRefused(try project.world.call("trust"), "needs a DIR")
    #expect(try project.world.call("trust", project.path).code == .code(0))
  }

  @Test
  func `a shell completes the names of a project's plugins without a look at what is in them`() throws {
    let project = try Project()
    project.write("plugin.json", #"{"name":"tool","version":"1","description":"seen","command":["./tool.sh"]}"#)
    try project.trust()
    let offered = try Child(
      Repository.program("reeve"), ["completions", "for", "--", "run", "to"], environment: project.world.environment,
      directory: project.work)
    #expect(try offered.wait() == .code(0))
    #expect(offered.output.hasPrefix("tool") && !offered.output.contains("seen"), "\(offered.output)")
  }

  @Test
  func `replay finds a project's plugin as run does`() throws {
    let project = try Project()
    project.write("transcript", #"{"type":"result","status":"ok","output":"done"}"# + "\n")
    func replay() throws -> Child {
      let child = try Child(
        Repository.program("reeve"), ["replay", "--plugin", "tool", "\(project.plugin)/transcript"],
        environment: project.world.environment, directory: project.work)
      try child.wait()
      return child
    }
    let refused = try replay()
    expectRefused((try refused.wait(), refused.output, refused.errors), "nobody has trusted")
    try project.trust()
    let told = try replay()
    #expect(try told.wait() == .code(0) && told.output.contains("succeeded"), "\(told.errors)")
  }

  @Test
  func `a damaged record is no trust, and the error says so`() throws {
    let project = try Project()
    try project.trust()
    _ = TestFile.write(Array("{".utf8), to: "\(project.world.state)/trust.json")
    expectRefused(try project.run(), "what was trusted cannot be told, so nothing is")
    let findings = try JSON.parse(try project.world.call("doctor", "--json").output)["findings"]?.array
    #expect(findings?.contains { $0["subject"] == "trust" && $0["health"] == "broken" } == true)
    #expect(project.marks == 0)
  }

  @Test
  func `of commands that trust at once each is heard`() throws {
    let world = try World()
    let projects = try (0..<8).map { try Project("project-\($0)", in: world) }
    let commands = try projects.map { try world.reeve("trust", $0.path) }
    for command in commands { #expect(try command.wait() == .code(0), "\(command.errors)") }
    let list = try JSON.parse(try world.call("trust", "--list", "--json").output)["plugins"]?.array
    #expect(list?.count == 8)
  }

  /// A host with one seat, which is taken until there is a file “go”, and a run of the project's plugin that waits for it.
  private func queue(_ project: Project) throws -> (host: TestHost, run: String) {
    try project.world.configure(#"{"max_running": 1}"#)
    let host = try project.world.host()
    _ = try host.start("shell", "while [ ! -e \(project.world.path("go")) ]; do sleep 0.02; done")
    let begun = try host.call("run/start", ["plugin": "tool", "cwd": .string(project.work)])
    #expect(begun["run"]?["status"] == "queued")
    return (host, try #require(begun["run"]?["id"]?.string))
  }

  @Test
  func `a plugin that was changed while its run waited is not run, also when it is trusted again`() throws {
    for isTrustedAgain in [false, true] {
      let project = try Project()
      try project.trust()
      let (host, run) = try queue(project)
      project.write("tool.sh", "#!/bin/sh\ntouch \(project.world.path("changed"))\n")
      if isTrustedAgain { try project.trust() }
      try project.world.folder.write("go", "")
      let ended = try host.awaitRun(run, "it does not end") { $0["status"] == "failed" && $0["gone"] != .null }
      #expect(ended["reason"] == "spawn" && ended["disposal"] == "none" && ended["started"] == .null)
      let error = try #require(ended["error"]?.string)
      #expect(error.contains(isTrustedAgain ? "start it again" : "run: reeve trust \(project.plugin)"), "\(error)")
      #expect(!project.world.has("changed") && project.marks == 0)
      #expect(try !Directory.open("\(project.world.state)/runs").entries().contains(run))
      try host.end()
      try project.world.expectInvariants("after a change")
    }
  }

  @Test
  func `a plugin that is as it was when its run had to wait is run`() throws {
    let project = try Project()
    try project.trust()
    let (host, run) = try queue(project)
    try project.world.folder.write("go", "")
    try host.awaitRun(run, "it does not succeed") { $0["status"] == "succeeded" && $0["gone"] != .null }
    #expect(project.marks == 1)
    try host.end()
  }

  @Test
  func `a run that is cancelled while its plugin is looked at once more ends at once, and never begins`() throws {
    let project = try Project()
    project.makeSlow()
    try project.trust()
    let (host, run) = try queue(project)
    try project.world.folder.write("go", "")
    try host.awaitRun(run, "it is not let in") { $0["status"] != "queued" }
    let before = Clock.now()
    let cancelled = try host.call("run/cancel", ["run": .string(run), "wait": "gone"])
    #expect(cancelled["cancelled"] == true && cancelled["run"]?["disposal"] == "none")
    #expect(Clock.now() - before < .milliseconds(500))
    // Once the look is over nothing comes of it.
    try eventually("not all end") { try host.call("host/status")["runs"] == [:] }
    sleep(3)
    #expect(project.marks == 0)
    try host.end()
    try project.world.expectInvariants("after a cancel")
  }

  @Test
  func `a host of many runs goes on with them while a large plugin is looked at`() throws {
    let project = try Project()
    project.makeSlow()
    try project.trust()
    let host = try ServedHost(project.world)
    let starting = try host.send("run/start", ["plugin": "tool", "cwd": .string(project.work)])
    let before = Clock.now()
    for _ in 0..<20 { _ = try host.call("host/status") }
    let waited = Clock.now() - before
    let begun = try host.answer(starting)
    let whole = Clock.now() - before
    #expect(begun["run"]?["status"] != nil)
    #expect(waited < .milliseconds(500) || waited.milliseconds < whole.milliseconds / 2, "\(waited) of \(whole)")
  }

  @Test
  func `a plugin that is still looked at when its client takes no new work is not started`() throws {
    let project = try Project()
    project.makeSlow()
    try project.trust()
    let host = try project.world.host()
    let starting = try host.send("run/start", ["plugin": "tool", "cwd": .string(project.work)])
    _ = try host.call("shutdown")
    let error = #expect(throws: RPCError.self) { try host.answer(starting) }
    #expect(error?.data?["name"] == "host_stopping", "\(String(describing: error))")
    #expect(try project.world.runs().isEmpty && project.marks == 0)
    try host.end()
  }

  @Test
  func `what belongs to whoever could replace Reeve itself is not refused`() throws {
    guard geteuid() == 0 else { return skip("only root can give files to somebody else") }
    let world = try World()
    let folder = try world.folder.open()
    try folder.makeDirectory("checkout")
    try folder.openDirectory("checkout").makeDirectory("plugins")
    try folder.openDirectory("checkout").openDirectory("plugins").makeDirectory("mine")
    let manifest = #"{"name":"mine","version":"1","command":["/bin/true"],"result":"exit"}"#
    _ = TestFile.write(Array(manifest.utf8), to: world.path("checkout/plugins/mine/plugin.json"))
    world.environment["REEVE_PLUGINS"] = world.path("checkout/plugins")
    let copy = try Child("/bin/cp", [try Repository.program("reeve"), world.path("checkout/reeve")], environment: [:])
    try #require(try copy.wait() == .code(0))
    for path in ["", "/plugins", "/plugins/mine", "/plugins/mine/plugin.json", "/reeve"] {
      chown(world.path("checkout\(path)"), 54321, 54321)
    }
    let ours = try world.call("run", "mine")
    #expect(ours.code == .code(2) && ours.errors.contains("belongs to user 54321"), "\(ours.errors)")
    let theirs = try Child(
      world.path("checkout/reeve"), ["run", "mine"], environment: world.environment, directory: world.folder.path)
    #expect(try theirs.wait() == .code(0), "\(theirs.errors)")
  }
}
