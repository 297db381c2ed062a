import Glibc
import Kernel
import Ledger
import Model
import Support
import Testing
import Wire

/// Real agents, run by the bundled plugins against a model that is played.
///
/// With `REEVE_REAL_AGENTS=1`, and only those that are found: in the `PATH`, or from `REEVE_AGENT_PROGRAMS`, the `bin` of a
/// Python environment that they were installed into (docs/testing.md).
@Suite(.tags(.large), .serialized)
struct RealAgentTests {
  enum Agent: String, CaseIterable, CustomTestStringConvertible {
    case claude, codex, vibe

    var testDescription: String { rawValue }

    /// Where a Python package keeps it.
    private var bundle: String? {
      switch self {
      case .claude: "claude_agent_sdk/_bundled"
      case .codex: "codex_cli_bin/bin"
      case .vibe: nil
      }
    }

    /// The folder that it lies in; nil where it is not installed.
    var folder: String? {
      let named = (TestEnvironment.value("REEVE_AGENT_PROGRAMS") ?? "").split(separator: ":").map { String($0) }
      var places = named + (TestEnvironment.value("PATH") ?? "").split(separator: ":").map { String($0) }
      for place in named {
        let libraries = "\(place)/../lib"
        for library in TestFile.names(in: libraries) ?? [] {
          if let bundle { places.append("\(libraries)/\(library)/site-packages/\(bundle)") }
        }
      }
      return places.first { access("\($0)/\(rawValue)", X_OK) == 0 }
    }

    /// What it has to be told to use the model of a test, and to ask nobody before it uses a tool: as its user would, in its
    /// own files.
    func configure(_ world: World, port: Int64) throws {
      func write(_ path: String, _ text: String) throws {
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        _ = try Directory.openOrCreate(world.path(folder))
        try #require(TestFile.write(Array(text.utf8), to: world.path(path)))
      }
      switch self {
      case .claude:
        world.environment["ANTHROPIC_API_KEY"] = "none"
        world.environment["ANTHROPIC_BASE_URL"] = "http://127.0.0.1:\(port)"
        try write(".claude/settings.json", #"{"permissions":{"allow":["Bash"]}}"#)
      case .codex:
        world.environment["OPENAI_API_KEY"] = "none"
        try write(
          ".codex/config.toml",
          """
          model = "fake"
          model_provider = "fake"
          sandbox_mode = "danger-full-access"
          [model_providers.fake]
          name = "fake"
          base_url = "http://127.0.0.1:\(port)/v1"
          env_key = "OPENAI_API_KEY"
          wire_api = "responses"

          """)
      case .vibe:
        world.environment["MISTRAL_API_KEY"] = "none"
        try write(
          ".vibe/config.toml",
          """
          active_model = "fake"
          enable_telemetry = false
          enable_update_checks = false
          enable_auto_update = false
          default_agent = "auto-approve"
          [[providers]]
          name = "fake"
          api_base = "http://127.0.0.1:\(port)/v1"
          api_key_env_var = "MISTRAL_API_KEY"
          api_style = "openai"
          backend = "generic"
          [[models]]
          name = "fake"
          provider = "fake"
          alias = "fake"

          """)
      }
    }
  }

  /// One agent in a world of its own.
  private final class Scene {
    let world: World
    let model: FakeModel
    let agent: Agent

    /// Nil, loudly, where the agent cannot be run.
    init?(_ agent: Agent) throws {
      guard TestEnvironment.value("REEVE_REAL_AGENTS") == "1" else {
        skip("REEVE_REAL_AGENTS is not set: \(agent.rawValue)")
        return nil
      }
      guard let folder = agent.folder else {
        skip("\(agent.rawValue) is not installed: \(agent.rawValue)")
        return nil
      }
      self.agent = agent
      world = try World()
      model = try FakeModel()
      world.environment["PATH"] = "\(folder):\(world.environment["PATH"] ?? "")"
      try agent.configure(world, port: model.port)
      _ = try Directory.openOrCreate(world.path("work"))
    }

    func call(_ words: String...) throws -> (code: ProcessExit, output: String, errors: String) {
      let child = try start(words)
      let code = try child.wait(within: .seconds(120))
      return (code, child.output, child.errors)
    }

    func start(_ words: [String]) throws -> Child {
      try Child(
        Repository.program("reeve"), words + ["--wait", "gone"], environment: world.environment,
        directory: world.path("work"))
    }

    /// The processes that carry the mark of a run, and what they were called with.
    func processes(of run: RunRecord) throws -> [String] {
      var found: [String] = []
      try ProcessTable.forEach { process in
        guard process.isAlive, let environment = try? contents("/proc/\(process.pid)/environ") else { return }
        guard environment.contains("REEVE_RUN=\(run.id)") else { return }
        let line = (try? contents("/proc/\(process.pid)/cmdline")) ?? ""
        found.append(line.split(separator: "\0").joined(separator: " "))
      }
      return found
    }

    func transcript(_ run: RunRecord) throws -> String { try world.call("logs", run.id.description).output }
  }

  @Test(arguments: Agent.allCases)
  func `an agent answers, and how it did is known`(agent: Agent) throws {
    guard let scene = try Scene(agent) else { return }
    let ended = try scene.call("run", agent.rawValue, "Say “hello”.")
    #expect(ended.code == .code(0) && ended.output == "Hello from fake model.\n", "\(ended)")
    let run = try scene.world.run()
    #expect(run.status == .succeeded && run.disposal == .gone && run.session != nil, "\(run)")
    // Vibe says nothing of it on its stdout.
    if agent != .vibe {
      let usage = try JSON.parse(try #require(run.usage).text)
      #expect(usage["input_tokens"]?.integer == 42 && usage["output_tokens"]?.integer == 7, "\(usage.text)")
    }
    #expect(try scene.processes(of: run) == [])
  }

  @Test(arguments: Agent.allCases)
  func `an agent uses a tool`(agent: Agent) throws {
    guard let scene = try Scene(agent) else { return }
    let ended = try scene.call("run", agent.rawValue, "TOOLPLEASE")
    #expect(ended.code == .code(0) && ended.output == "Hello from fake model.\n", "\(ended)")
    let run = try scene.world.run()
    #expect(try scene.transcript(run).contains("hi-from-tool\\n") || scene.transcript(run).contains("\"hi-from-tool\""))
    #expect(run.notableFlags.subtracting(.exitMismatch).isEmpty, "\(run.flags.words)")
  }

  @Test(arguments: Agent.allCases)
  func `what its model's service refuses fails the run, with the reason`(agent: Agent) throws {
    guard let scene = try Scene(agent) else { return }
    let ended = try scene.call("run", agent.rawValue, "ERR400")
    #expect(ended.code == .code(1) && ended.errors.contains("400"), "\(ended)")
    let run = try scene.world.run()
    #expect(run.status == .failed && run.error?.contains("400") == true, "\(run)")
    #expect(run.reason == (agent == .vibe ? "exit" : "agent"), "\(run)")
  }

  @Test(arguments: Agent.allCases)
  func `an agent that is cancelled in the middle of a tool leaves nothing, not even what the tool has hidden`(
    agent: Agent
  ) throws {
    guard let scene = try Scene(agent) else { return }
    let reeve = try scene.start(["run", agent.rawValue, "SLEEPTOOL"])
    let run = try scene.world.awaitRun("it does not run") { $0.status == .running }
    try eventually("the tool does not begin: \(reeve.errors)") {
      let processes = try scene.processes(of: run)
      return processes.contains("sleep 300") && processes.contains("sleep 301")
    }
    reeve.signal(SIGINT)
    #expect(try reeve.wait() == .code(130), "\(reeve.errors)")
    let ended = try scene.world.run()
    #expect(ended.status == .cancelled && ended.disposal == .gone, "\(ended)")
    #expect(try scene.processes(of: run) == [])
  }

  @Test(arguments: Agent.allCases)
  func `an agent goes on with its session`(agent: Agent) throws {
    guard let scene = try Scene(agent) else { return }
    let first = try scene.call("run", agent.rawValue, "hello")
    #expect(first.code == .code(0), "\(first)")
    let id = try scene.world.run().id.description
    let second = try scene.call("resume", id, "and again")
    #expect(second.code == .code(0) && second.output == "Hello from fake model.\n", "\(second)")
    let runs = try scene.world.runs()
    try #require(runs.count == 2)
    #expect(runs[1].resumes == runs[0].id && runs[1].session == runs[0].session, "\(runs)")
    // Of a session that adds up its figures, the second run's own share.
    if agent != .vibe {
      let usage = try JSON.parse(try #require(runs[1].usage).text)
      #expect(usage["input_tokens"]?.integer == 42 && usage["output_tokens"]?.integer == 7, "\(usage.text)")
    }
  }

  @Test(arguments: Agent.allCases)
  func `an agent whose tool takes too much memory is ended`(agent: Agent) throws {
    guard let scene = try Scene(agent) else { return }
    // The tool takes 381 MiB, the agents themselves from 50 to 260.
    let ended = try scene.call("run", agent.rawValue, "BIGMEM", "--limit", "memory=400MiB")
    #expect(ended.code == .code(137), "\(ended)")
    let run = try scene.world.run()
    #expect(run.status == .outOfMemory && run.reason == "limit" && run.disposal == .gone, "\(run)")
    #expect(try scene.processes(of: run) == [])
  }

  @Test(arguments: Agent.allCases)
  func `a prompt too long for an argument reaches an agent that reads files, and is refused for one that does not`(
    agent: Agent
  ) throws {
    guard let scene = try Scene(agent) else { return }
    let prompt = String(repeating: "“so” it's \\ ", count: 15_000) + "the end"
    try scene.world.folder.write("prompt", prompt)
    let ended = try scene.call("run", agent.rawValue, "--file", scene.world.path("prompt"))
    guard agent == .vibe else {
      #expect(ended.code == .code(2) && ended.errors.contains("131071"), "\(ended.errors)")
      return
    }
    #expect(ended.code == .code(0), "\(ended.errors)")
    // It says what it was asked before it answers.
    let line = try #require(try scene.transcript(scene.world.run()).split(separator: "\n").first)
    let asked = try JSON.parse(String(line))["content"]?.array?.first?["text"]?.string
    let isExact = asked?.utf8.elementsEqual(prompt.utf8)
    #expect(isExact == true)
  }

  @Test(arguments: Agent.allCases)
  func `check finds an agent and its version`(agent: Agent) throws {
    guard let scene = try Scene(agent) else { return }
    let checked = try Child(
      Repository.program("reeve"), ["check", agent.rawValue], environment: scene.world.environment,
      directory: scene.world.path("work"))
    #expect(try checked.wait() == .code(0), "\(checked.output)")
    #expect(checked.output.contains("ok      check: "), "\(checked.output)")
  }

  // Without it all of the above would be skipped on a machine with no agents, and nobody would see that it is broken.
  @Test
  func `the model that is played speaks each protocol, and ends with its stdin`() throws {
    let model = try FakeModel()
    let script = """
      import json, sys, urllib.request, urllib.error
      def post(path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}{path}", json.dumps(body).encode())
        try: return 200, urllib.request.urlopen(request).read().decode()
        except urllib.error.HTTPError as error: return error.code, error.read().decode()
      def user(text): return [{"role": "user", "content": text}]
      shell = {"properties": {"command": {"type": "string"}}}
      wanted = {
        "/v1/messages": (user, "messages", [{"name": "Bash", "input_schema": shell}]),
        "/v1/chat/completions": (user, "messages", [{"function": {"name": "bash", "parameters": shell}}]),
        "/v1/responses": (user, "input", [{"name": "shell", "parameters": shell}]),
      }
      for path, (say, key, tools) in wanted.items():
        for stream in (False, True):
          status, text = post(path, {key: say("hello"), "stream": stream})
          assert status == 200 and "Hello" in text and "model." in text and "42" in text and "7" in text, (path, text)
          assert text.startswith("{") != stream, (path, text)
          status, text = post(path, {key: say("TOOLPLEASE"), "stream": stream, "tools": tools})
          assert status == 200 and "hi-from-tool" in text and "Hello" not in text, (path, text)
        status, text = post(path, {key: say("ERR429")})
        assert status == 429 and "fake error 429" in text, (path, text)
      """
    let python = try Child(
      "/usr/bin/env", ["python3", "-c", script, "\(model.port)"], environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"])
    #expect(try python.wait() == .code(0), "\(python.errors)")
    #expect(try model.end() == .code(0))
  }
}
