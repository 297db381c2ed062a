import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// `reeve plugins`, `reeve check` and `reeve new`.
@Suite(.tags(.large))
struct PluginCommandTests {
  private func manifest(_ name: String, _ version: String) -> String {
    #"{"name":"\#(name)","version":"\#(version)","command":["/bin/true"],"result":"exit"}"#
  }

  /// Writes a manifest below a folder of the world.
  private func add(_ name: String, _ manifest: String, to place: String, of world: World) throws {
    let folder = try Directory.openOrCreate("\(world.path(place))/\(name)")
    try folder.openFile("plugin.json", flags: O_WRONLY | O_CREAT).writeAll(Array(manifest.utf8).span.bytes)
  }

  // MARK: - plugins

  @Test
  func `plugins lists all there are, those that cannot be used with why, and those that are hidden`() throws {
    let world = try World()
    world.environment["REEVE_PLUGINS"] = "\(world.path("plugins")):\(world.path("nowhere")):\(world.path("more"))"
    try world.addPlugin("broken", #"{"name":"broken","#)
    try world.addPlugin("absent", #"{"name":"absent","version":"3","command":["no-such-program-anywhere"]}"#)
    try world.addPlugin(
      "needy", #"{"name":"needy","version":"1","command":["/bin/true"],"env":{"require":["SOME_KEY"]}}"#)
    try add("script", manifest("script", "0.9"), to: "more", of: world)
    try add("later", manifest("later", "2"), to: "more", of: world)
    let listed = try world.call("plugins", "--json")
    #expect(listed.code == .code(0) && listed.errors == "")
    let plugins = try #require(try JSON.parse(listed.output).array)
    #expect(plugins.map { $0["name"] } == ["absent", "broken", "later", "needy", "script", "shell"])
    let byName = Dictionary(uniqueKeysWithValues: plugins.map { ($0["name"]?.string ?? "", $0) })
    for name in ["later", "script", "shell"] {
      #expect(byName[name]?["usable"] == true && byName[name]?["why"] == .null)
    }
    for (name, why) in [
      ("broken", "broken/plugin.json:1"), ("absent", "no-such-program-anywhere"), ("needy", "SOME_KEY"),
    ] {
      #expect(byName[name]?["usable"] == false)
      #expect(byName[name]?["why"]?.string?.contains(why) == true, "\(listed.output)")
      #expect(byName[name]?["folder"]?.string == world.path("plugins/\(name)"))
    }
    #expect(byName["script"]?["version"] == "1")
    #expect(
      byName["script"]?["hides"] == [
        ["folder": .string(world.path("more/script")), "place": "named", "version": "0.9"]
      ])
    // People read the same.
    let lines = try world.call("plugins").output.split(separator: "\n").map { String($0) }
    #expect(lines.first?.split(separator: " ") == ["PLUGIN", "VERSION", "STATE", "PLACE", "FOLDER"])
    #expect(
      lines.contains {
        $0.split(separator: " ") == ["script", "0.9", "hidden", "named", world.path("more/script")[...]]
      })
    #expect(lines.contains { $0.split(separator: " ").prefix(3) == ["broken", "–", "unusable"] })
    #expect(lines.contains { $0.hasPrefix("needy: ") && $0.contains("SOME_KEY") })
    // And programs hear the same.
    let host = try world.host()
    #expect(try host.call("plugin/list")["plugins"] == .array(plugins))
    try host.end()
  }

  @Test
  func `plugins says who put each one where it is, and where it looked when there are none`() throws {
    let world = try World()
    world.environment["REEVE_PLUGINS"] = nil
    try add("mine", manifest("mine", "1"), to: ".config/reeve/plugins", of: world)
    let plugins = try #require(try JSON.parse(try world.call("plugins", "--json").output).array)
    #expect(plugins.first { $0["name"] == "mine" }?["place"] == "user")
    #expect(plugins.first { $0["name"] == "demo" }?["place"] == "bundled")
    world.environment["REEVE_PLUGINS"] = world.path("nowhere")
    let none = try world.call("plugins")
    #expect(none.code == .code(0) && none.output.contains(world.path("nowhere")))
    #expect(try world.call("plugins", "--json").output == "[]\n")
  }

  // MARK: - check

  private func check(
    _ world: World, _ plugin: String, _ more: String...
  ) throws -> (code: ProcessExit, ok: JSON?, health: [String: String], what: [String: String]) {
    let child = try Child(
      Repository.program("reeve"), ["check", plugin, "--json"] + more, environment: world.environment,
      directory: world.folder.path)
    let code = try child.wait()
    let json = try JSON.parse(child.output)
    let findings = try #require(json["findings"]?.array, "\(child.errors)")
    var (health, what): ([String: String], [String: String]) = ([:], [:])
    for finding in findings {
      health[finding["subject"]?.string ?? ""] = finding["health"]?.string
      what[finding["subject"]?.string ?? ""] = finding["what"]?.string
    }
    return (code, json["ok"], health, what)
  }

  @Test
  func `check says what a plugin would be called with, what becomes of a long prompt, and which limits hold`() throws {
    let world = try World()
    world.environment["TOOL_KEY"] = "x"
    try world.configure(#"{"limits":{"idle":"7m"}}"#)
    try world.addPlugin(
      "tool",
      #"""
      {"name":"tool","version":"4","env":{"require":["TOOL_KEY"]},"limits":{"wall":"11m"},
       "command":["sh","-c","exit 1",{"if":"prompt_file","then":["@{prompt_file}"]},{"if":"prompt","then":["--","{prompt}"]},"{cwd}"],
       "resume":["sh","-c","exit 1","--resume={session}","{prompt}"],"check":["sh","-c","echo 'tool 4.2'; test -n \"$TOOL_KEY\""]}
      """#)
    let (code, ok, health, what) = try check(world, "tool", "--cwd", "/usr")
    #expect(code == .code(0) && ok == true)
    #expect(Set(health.values) == ["fine"], "\(health)")
    let shell = try #require(what["program"])
    #expect(shell.hasSuffix("/sh"))
    #expect(what["manifest"] == "\(world.path("plugins/tool/plugin.json")), version 4")
    let command = try JSON.parse(try #require(what["command"]))
    #expect(command == [.string(shell), "-c", "exit 1", "--", "Say hello.", "/usr"])
    let resume = try JSON.parse(try #require(what["resume"]))
    #expect(resume == [.string(shell), "-c", "exit 1", "--resume=SESSION", "Say hello."])
    #expect(what["long prompt"]?.contains("@\(world.state)/runs/RUN/prompt.txt") == true, "\(what)")
    #expect(
      what["limits"]?.contains("wall 11m (plugin)") == true && what["limits"]?.contains("idle 7m (config)") == true)
    #expect(what["check"] == "tool 4.2")
    #expect(what["input"]?.contains("/dev/null") == true)
    // It was a run like any other, and nothing of it is left.
    let run = try world.run()
    #expect(run.labels.text == #"{"reeve":"check"}"# && run.disposal == .gone && run.status == .succeeded)
    #expect(run.directory == "/usr" && !run.limits.text.contains("11m"))
    // People read the same.
    let text = try world.call("check", "tool").output
    #expect(text.contains("ok      check: tool 4.2\n"), "\(text)")
  }

  @Test
  func `check names what is broken, and what is only weak does not count`() throws {
    let world = try World()
    try world.addPlugin("odd", #"{"name":"odd","version":"1"}"#)
    try world.addPlugin(
      "absent", #"{"name":"absent","version":"1","command":["no-such-program"],"check":["touch","ran"]}"#)
    try world.addPlugin("needy", #"{"name":"needy","version":"1","command":["sh"],"env":{"require":["SOME_KEY"]}}"#)
    try world.addPlugin("half", #"{"name":"half","version":"1","command":["sh"],"resume":["./gone","{session}"]}"#)
    try world.addPlugin(
      "sick", #"{"name":"sick","version":"1","command":["sh"],"check":["sh","-c","echo bad lib >&2; exit 127"]}"#)
    for (plugin, subject, saying) in [
      ("odd", "manifest", "“command”"), ("absent", "program", "no-such-program"),
      ("needy", "environment", "SOME_KEY"), ("half", "resume", "half/gone"), ("sick", "check", "bad lib"),
    ] {
      let (code, ok, health, what) = try check(world, plugin)
      #expect(code == .code(1) && ok == false)
      #expect(health[subject] == "broken" && what[subject]?.contains(saying) == true, "\(plugin): \(what)")
    }
    // What it would be called with can be told all the same.
    #expect(try check(world, "absent").what["command"]?.hasPrefix(#"["no-such-program""#) == true)
    let (code, ok, health, what) = try check(world, "script")
    #expect(code == .code(0) && ok == true)
    #expect(health["check"] == "weak" && health["long prompt"] == "weak", "\(what)")
    #expect(what["long prompt"]?.contains("refused") == true)
    // Where no run can be had, the rest is told all the same.
    world.environment["REEVE_STATE"] = try world.folder.write("file", "")
    let stateless = try check(world, "sick")
    #expect(stateless.code == .code(1) && stateless.what["check"]?.contains(world.path("file")) == true)
    #expect(stateless.health["program"] == "fine")
    let unknown = try world.call("check", "scrip")
    #expect(unknown.code == .code(2) && unknown.errors.contains("“script”") && unknown.output == "")
  }

  @Test
  func `check ends a program that waits for something, and leaves nothing of it behind`() throws {
    let world = try World()
    try world.addPlugin(
      "wait",
      """
      {"name":"wait","version":"1","command":["sh"],
       "check":["sh","-c","trap '' TERM; echo $$ >pid; setsid sleep 1000 & echo $! >>pid; read line; while :; do sleep 1; done"]}
      """)
    let (code, _, health, what) = try check(world, "wait")
    #expect(code == .code(1))
    #expect(health["check"] == "broken" && health["input"] == "broken")
    #expect(what["check"]?.contains("20s") == true && what["input"]?.contains("wait for something") == true, "\(what)")
    let pids = try contents(world.path("pid")).split(separator: "\n").compactMap { Int32($0) }
    #expect(pids.count == 2 && !pids.contains { isAlive($0) })
    #expect(try world.run().disposal == .gone)
  }

  // MARK: - new

  @Test
  func `a new plugin works at once, and says exactly what it was told`() throws {
    let world = try World()
    world.environment["REEVE_PLUGINS"] = nil
    let made = try world.call("new", "greet")
    let folder = world.path(".config/reeve/plugins/greet")
    #expect(made.code == .code(0) && made.errors == "", "\(made.errors)")
    #expect(made.output.contains("made \(folder)/plugin.json\nmade \(folder)/greet.sh\n"))
    for command in ["reeve run greet hello\n", "reeve check greet\n", "\(folder)/greet.sh\n"] {
      #expect(made.output.contains(command), "\(made.output)")
    }
    let said = try world.call("run", "greet", "hello")
    #expect(said.code == .code(0) && said.output.hasSuffix("you said: hello\n"), "\(said.errors)")
    for prompt in [
      "it's \"so\"\\", "a\nb\n\n", "\u{1}\t\u{1f}\u{7f}\u{1b}[2J", "--version", "%s %d \\n \\u0041", "ümläut 🙂",
      "$(id)",
    ] {
      let ended = try world.call("run", "greet", "--json", "--", prompt)
      let run = try JSON.parse(ended.output)
      #expect(ended.code == .code(0) && run["noise"]?.integer == 0, "\(ended.output)")
      #expect(run["text"]?.string?.hasSuffix("you said: \(prompt)\n") == true, "\(ended.output)")
    }
    #expect(try world.call("run", "greet", "").code == .code(1))
    #expect(try check(world, "greet").code == .code(0))
  }

  @Test
  func `new overwrites nothing, wants a good name, and says how to reach a plugin that lies elsewhere`() throws {
    let world = try World()
    #expect(try world.call("new", "mine").code == .code(0))
    #expect(TestFile.write(Array("precious".utf8), to: world.path("plugins/mine/plugin.json")))
    let again = try world.call("new", "mine")
    #expect(again.code == .code(2) && again.errors.contains("there already"))
    #expect(try contents(world.path("plugins/mine/plugin.json")) == "precious")
    for name in ["Mine", "../x", "a b", "", "-x", String(repeating: "x", count: 65)] {
      let refused = try world.call("new", "--", name)
      #expect(refused.code == .code(2) && refused.errors.contains("no plugin name"), "\(refused.errors)")
    }
    let elsewhere = try world.call("new", "there", "--in", "my plugins/deep")
    #expect(elsewhere.code == .code(0))
    let line = try #require(elsewhere.output.split(separator: "\n").first { $0.contains("reeve run there") })
    #expect(line.contains("REEVE_PLUGINS='\(world.path("my plugins/deep"))' "))
    // What it says to type does what it says.
    world.environment["PATH"] = "\(try folderOfReeve()):\(world.environment["PATH"] ?? "")"
    let typed = try Child(
      "/bin/sh", ["-c", String(line)], environment: world.environment, directory: world.folder.path)
    #expect(try typed.wait() == .code(0) && typed.output.hasSuffix("you said: hello\n"), "\(typed.errors)")
    let json = try JSON.parse(try world.call("new", "other", "--json").output)
    #expect(json["folder"]?.string == world.path("plugins/other") && json["files"]?.array?.count == 2)
  }

  private func folderOfReeve() throws -> String {
    try Repository.program("reeve").split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
  }

  // MARK: - help

  @Test(arguments: ["plugins", "check", "new", "completions"])
  func `help lists each command and explains it`(command: String) throws {
    let world = try World()
    #expect(try world.call("help").output.contains("\n  \(command) "))
    let help = try world.call("help", command).output
    #expect(help.hasPrefix("usage: reeve \(command)"))
    #expect(try world.call(command, "--help").output == help)
  }

  @Test
  func `new makes nothing where it could not be run`() throws {
    let world = try World()
    try world.folder.open().makeDirectory("open")
    chmod(world.path("open"), 0o777)
    let refused = try world.call("new", "greet", "--in", world.path("open"))
    #expect(refused.code == .code(2) && refused.errors.contains("chmod o-w"), "\(refused.errors)")
    #expect(!world.has("open/greet"))
  }
}
