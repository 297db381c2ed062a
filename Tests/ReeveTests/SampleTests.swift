import Kernel
import Model
import Support
import Testing
import Wire

/// What real agents printed, and what it must become. The samples in Tests/Agents/samples were taken from the programs
/// themselves, against a model that always says the same; what is expected of each was written down from reading it.
@Suite(.tags(.large))
struct SampleTests {
  struct Sample: Sendable, CustomTestStringConvertible {
    let name: String
    /// How the program ended: a code, or the name of a signal.
    let exit: String
    let verdict: String
    var text: String?
    var error: String?
    var session: String?
    var usage: String?
    var cost: Double?
    var tools: [String] = []
    var flags: [String] = []
    var noise = 0

    /// The plugin that it is read by: the beginning of its name.
    var plugin: String { name.hasPrefix("fast-agent") ? "fast-agent" : String(name.prefix { $0 != "-" }) }
    var testDescription: String { name }
  }

  private static let hello = "Hello from fake model."

  private static func claude(_ input: Int, _ output: Int) -> String {
    #"{"input_tokens":\#(input),"output_tokens":\#(output),"cache_write_tokens":0,"cache_read_tokens":0}"#
  }

  private static func codex(_ input: Int, _ output: Int) -> String {
    #"{"input_tokens":\#(input),"output_tokens":\#(output),"cache_read_tokens":0,"cache_write_tokens":0,"#
      + #""reasoning_tokens":0}"#
  }

  private static let samples = claudeSamples + codexSamples + vibeSamples + kimiSamples + otherSamples

  private static let claudeSamples = [
    Sample(
      name: "claude-hello", exit: "0", verdict: "succeeded", text: hello,
      session: "4cfe9229-93b6-4aec-baf5-736f822d187d", usage: claude(42, 7), cost: 0.000231),
    Sample(
      name: "claude-closedstdin", exit: "0", verdict: "succeeded", text: hello,
      session: "2779e41b-1046-475b-96e9-bdc366d9a8b7", usage: claude(42, 7), cost: 0.000231),
    Sample(
      name: "claude-openpipe", exit: "0", verdict: "succeeded", text: hello,
      session: "6c550bfe-0d18-4da1-8352-2966f9cc2575", usage: claude(42, 7), cost: 0.000231),
    Sample(
      name: "claude-session-id", exit: "0", verdict: "succeeded", text: hello,
      session: "99999999-2222-4333-8444-555555555555", usage: claude(42, 7), cost: 0.000231),
    Sample(
      name: "claude-denied", exit: "0", verdict: "succeeded", text: hello,
      session: "998980f5-9a76-4978-b426-ed2abfd0ca4d", usage: claude(42, 7), cost: 0.000231),
    Sample(
      name: "claude-partial", exit: "0", verdict: "succeeded", text: hello,
      session: "34f72f6b-c18d-4711-a1cb-f90616e3a01f", usage: claude(42, 7), cost: 0.000231),
    // The second turn of the session of claude-tool: its cost is that of both, its tokens are its own.
    Sample(
      name: "claude-resume", exit: "0", verdict: "succeeded", text: hello,
      session: "80f96fec-6d55-499a-bec6-309948d2a2ad", usage: claude(42, 7), cost: 0.000693),
    Sample(
      name: "claude-tool", exit: "0", verdict: "succeeded", text: hello,
      session: "80f96fec-6d55-499a-bec6-309948d2a2ad", usage: claude(84, 14), cost: 0.000462, tools: ["Bash fine"]),
    Sample(
      name: "claude-unicode", exit: "0", verdict: "succeeded",
      text: "A\u{2028}B\u{2029}C\u{85}D 😀 \"q\" \\ \t tab \u{7f} end", session: "47541622-298c-4380-9bf9-2a29e70b5e8c",
      usage: claude(42, 7), cost: 0.000231),
    // It says “success” and means an error.
    Sample(
      name: "claude-err400", exit: "1", verdict: "failed/agent", error: "API Error: 400 fake error 400",
      session: "5440bc13-e5fb-465f-a89d-688259b21f86", usage: claude(0, 0), cost: 0),
    Sample(
      name: "claude-err401-retry1", exit: "1", verdict: "failed/agent",
      error: "Failed to authenticate. API Error: 401 fake error 401", session: "2c903312-3395-43cc-aa8a-d234ac7557a4",
      usage: claude(0, 0), cost: 0, flags: ["retried"]),
    // It went on trying until somebody lost patience.
    Sample(
      name: "claude-err401", exit: "124", verdict: "failed/exit",
      error: "the program exited with code 124: authentication_failed", session: "7a15fb76-866e-4219-8e00-d6f5548d3eeb",
      flags: ["retried"]),
    Sample(
      name: "claude-err429", exit: "1", verdict: "failed/agent",
      error: "API Error: Request rejected (429) · fake error 429", session: "fb82ab53-a2c2-4f11-85ed-44d22c2281c3",
      usage: claude(0, 0), cost: 0, flags: ["retried"]),
    Sample(
      name: "claude-err500", exit: "1", verdict: "failed/agent",
      error: "API Error: 500 fake error 500. This is a server-side issue, usually temporary — try again in a moment. "
        + "If it persists, check your inference gateway (127.0.0.1:8099).",
      session: "d4007be7-2d91-4bd9-b80d-963dd46a1679", usage: claude(0, 0), cost: 0, flags: ["retried"]),
    Sample(
      name: "claude-nokey", exit: "1", verdict: "failed/agent", error: "Not logged in · Please run /login",
      session: "f8ae7b44-9bc9-4db2-a1c8-2a3a816cb2b8", usage: claude(0, 0), cost: 0),
    Sample(
      name: "claude-hup", exit: "129", verdict: "failed/exit", error: "the program exited with code 129",
      session: "92204bd0-e1e6-4913-860a-b28b001820a3"),
    Sample(
      name: "claude-term", exit: "143", verdict: "failed/exit", error: "the program exited with code 143",
      session: "ceab87ed-e971-4139-be82-3eeb81c70ee9"),
    Sample(
      name: "claude-noprompt", exit: "1", verdict: "failed/exit",
      error: "the program exited with code 1: Error: Input must be provided either through stdin or as a prompt "
        + "argument when using --print"),
    Sample(
      name: "claude-noverbose", exit: "1", verdict: "failed/exit",
      error: "the program exited with code 1: Error: When using --print, --output-format=stream-json requires --verbose"
    ),
    Sample(
      name: "claude-root-yolo", exit: "1", verdict: "failed/exit",
      error: "the program exited with code 1: --dangerously-skip-permissions cannot be used with root/sudo privileges "
        + "for security reasons"),
  ]

  private static let codexSamples = [
    Sample(
      name: "codex-hello", exit: "0", verdict: "succeeded", text: hello,
      session: "01a1fb2d-54f5-7a63-aaef-24ccf3b684d7", usage: codex(42, 7)),
    Sample(
      name: "codex-closedstdin", exit: "0", verdict: "succeeded", text: hello,
      session: "01a1fb2e-d962-7a83-9765-8365fa566445", usage: codex(42, 7)),
    Sample(
      name: "codex-tool", exit: "0", verdict: "succeeded", text: hello,
      session: "01a1fb2d-6a19-7d73-a25e-970e9a2fbbd1", usage: codex(84, 14), tools: ["command_execution fine"]),
    Sample(
      name: "codex-err400", exit: "1", verdict: "failed/agent",
      error:
        #"{"type": "error", "error": {"type": "invalid_request_error", "message": "fake error 400", "code": null}}"#,
      session: "01a1fb2f-5cea-7ef1-91b1-42e56e04f313"),
    Sample(
      name: "codex-err401", exit: "1", verdict: "failed/agent",
      error: "unexpected status 401 Unauthorized: fake error 401, url: http://127.0.0.1:8099/v1/responses",
      session: "01a1fb2f-5dee-7832-a264-2b511f8b3039", flags: ["retried"]),
    Sample(
      name: "codex-err500", exit: "1", verdict: "failed/agent",
      error: "We’re currently experiencing high demand, which may cause temporary errors.",
      session: "01a1fb2f-780b-74d2-8a9d-84031d28954d", flags: ["retried"]),
    Sample(
      name: "codex-nokey", exit: "1", verdict: "failed/agent", error: "Missing environment variable: `FAKE_API_KEY`.",
      session: "01a1fb2f-dd3e-7b81-8bbf-1fa1a1156ac7"),
    // An interrupted turn has no last event. That the model is not known to it is no reason.
    Sample(
      name: "codex-int", exit: "1", verdict: "failed/exit", error: "the program exited with code 1",
      session: "01a1fb2f-1205-7e10-8b6a-e98c763c0774"),
    Sample(
      name: "codex-term", exit: "SIGTERM", verdict: "failed/signal", error: "the program was ended by SIGTERM",
      session: "01a1fb2e-f03d-7972-b0e0-87283baea285"),
    Sample(
      name: "codex-openpipe", exit: "SIGKILL", verdict: "failed/signal", error: "the program was ended by SIGKILL"),
    Sample(
      name: "codex-badflag", exit: "2", verdict: "failed/exit",
      error: "the program exited with code 2: unexpected argument '--nope' found"),
    Sample(
      name: "codex-nogit", exit: "1", verdict: "failed/exit",
      error:
        "the program exited with code 1: Not inside a trusted directory and --skip-git-repo-check was not specified."
    ),
    Sample(
      name: "codex-noprompt", exit: "1", verdict: "failed/exit",
      error: "the program exited with code 1: No prompt provided via stdin."),
    Sample(
      name: "codex-resume-bad", exit: "1", verdict: "failed/exit",
      error: "the program exited with code 1: thread/resume: thread/resume failed: no rollout found for thread id "
        + "01a1fb2d-0000-7a63-aaef-24ccf3b684d7 (code -32600)"),
  ]

  private static let vibeSamples = [
    Sample(
      name: "vibe-hello", exit: "0", verdict: "succeeded", text: hello, session: "c78d8ce1-7c80-97fe-e920-bd87be4f7bc3"),
    Sample(
      name: "vibe-closedstdin", exit: "0", verdict: "succeeded", text: hello,
      session: "ad541a35-ff26-7b76-efa2-65978c3c20d3"),
    Sample(
      name: "vibe-openpipe", exit: "0", verdict: "succeeded", text: hello,
      session: "d9a779b2-88fe-04f1-cb7e-295611b224c7"),
    Sample(
      name: "vibe-resume", exit: "0", verdict: "succeeded", text: hello,
      session: "2e0fd5d4-3025-b624-16ea-810150a9ed98"),
    Sample(
      name: "vibe-tool", exit: "0", verdict: "succeeded", text: hello, session: "2e0fd5d4-3025-b624-16ea-810150a9ed98",
      tools: ["file_system.bash fine"]),
    Sample(
      name: "vibe-denied", exit: "0", verdict: "succeeded", text: hello,
      session: "5fe77453-e875-aa59-2788-483f49be04a5", tools: ["file_system.bash fine"]),
    Sample(
      name: "vibe-bigout", exit: "0", verdict: "succeeded", text: hello,
      session: "e16313d5-c0ee-9ede-0db9-99ea0b8b3be6", tools: ["file_system.bash fine"]),
    // The last message was taken back, which is what decides; why, stands on stderr.
    Sample(
      name: "vibe-term", exit: "3", verdict: "failed/agent", text: "Hello ", error: "Stopped: terminated",
      session: "63954509-0a5e-1459-fb79-411cc12a7ff5"),
    Sample(
      name: "vibe-timelimit", exit: "3", verdict: "failed/agent", text: "Hello ", error: "Stopped: deadline",
      session: "f82c6c3e-904f-2544-156e-3721094b5f12"),
    Sample(
      name: "vibe-err401", exit: "1", verdict: "failed/exit",
      error: "the program exited with code 1: Invalid API key (from env var FAKE_API_KEY). Please check your API key "
        + "and try again.", session: "6e334112-b2c2-1309-c1fa-97a3ebf806e0"),
    Sample(
      name: "vibe-err500", exit: "124", verdict: "failed/exit",
      error: "the program exited with code 124: Stopped: terminated", session: "5d3901f6-6013-103d-6b1e-5acb66fa807d"),
    Sample(
      name: "vibe-nohome", exit: "1", verdict: "failed/exit",
      error: "the program exited with code 1: Missing MISTRAL_API_KEY environment variable for mistral provider"),
    Sample(
      name: "vibe-nokey", exit: "1", verdict: "failed/exit",
      error: "the program exited with code 1: Missing FAKE_API_KEY environment variable for fake provider"),
    Sample(
      name: "vibe-noprompt", exit: "1", verdict: "failed/exit",
      error: "the program exited with code 1: No prompt provided for programmatic mode"),
    Sample(
      name: "vibe-resume-bad", exit: "1", verdict: "failed/exit",
      error: "the program exited with code 1: Session not found: deadbeef-0000"),
    // Another format than the one that was asked for: its lines say nothing, and so there is no evidence.
    Sample(
      name: "vibe-json", exit: "0", verdict: "failed/no_result", error: "the program ended well but gave no result",
      flags: ["noise"], noise: 46),
  ]

  private static let kimiSamples = [
    Sample(
      name: "kimi-hello", exit: "0", verdict: "succeeded", text: hello, session: "8faf3d66-0d8e-405d-a271-0e550ab71df2"),
    Sample(
      name: "kimi-continue", exit: "0", verdict: "succeeded", text: hello,
      session: "8fe57fdf-fbf3-4d1a-830b-c90dd9676fe1"),
    Sample(
      name: "kimi-openpipe", exit: "0", verdict: "succeeded", text: hello,
      session: "1a17376a-9ce4-4c03-b643-7af760bbcf63"),
    Sample(name: "kimi-badsession", exit: "0", verdict: "succeeded", text: hello, session: "deadbeef"),
    Sample(
      name: "kimi-tool", exit: "0", verdict: "succeeded", text: hello, session: "8fe57fdf-fbf3-4d1a-830b-c90dd9676fe1",
      tools: ["Shell"]),
    Sample(
      name: "kimi-unicode", exit: "0", verdict: "succeeded",
      text: "A\u{2028}B\u{2029}C\u{85}D 😀 \"q\" \\ \t tab \u{7f} end", session: "c9383695-7e1d-4345-ad84-24762884b357"),
    // The reason is broken into two lines of text, the first of which cannot be told to be one.
    Sample(
      name: "kimi-err401", exit: "1", verdict: "failed/agent",
      error: "Error code: 401 - {'type': 'error', 'error': {'type': 'authentication_error', "
        + "'message': 'fake error 401', 'code': None}}",
      session: "a4561e14-b76c-4efe-adb8-5fb009f89357", flags: ["noise"], noise: 1),
    Sample(
      name: "kimi-int", exit: "1", verdict: "failed/agent", text: "Hello ", error: "Interrupted by user",
      session: "d23c2fe7-3516-46f1-b1c9-a0faca341fe2"),
    Sample(name: "kimi-term", exit: "SIGTERM", verdict: "failed/signal", error: "the program was ended by SIGTERM"),
  ]

  private static let otherSamples = [
    Sample(
      name: "openhands-hello", exit: "0", verdict: "succeeded", text: hello,
      session: "9646b583-7c4a-40ba-9e34-79fe8951b029"),
    Sample(
      name: "openhands-openpipe", exit: "0", verdict: "succeeded", text: hello,
      session: "4d5bde0e-43aa-4659-833c-ff17512d755f"),
    Sample(
      name: "openhands-tool", exit: "0", verdict: "succeeded", text: hello,
      session: "7a3797d6-20e8-470b-aee3-9968f0ca3f6b", tools: ["terminal fine"]),
    Sample(
      name: "openhands-int", exit: "SIGKILL", verdict: "failed/signal", error: "the program was ended by SIGKILL"),
    Sample(
      name: "openhands-term", exit: "SIGTERM", verdict: "failed/signal", error: "the program was ended by SIGTERM"),
    Sample(
      name: "openhands-term-unbuf", exit: "SIGTERM", verdict: "failed/signal",
      error: "the program was ended by SIGTERM"),
    Sample(
      name: "aider-hello", exit: "0", verdict: "succeeded", text: hello,
      usage: #"{"input_tokens":42,"output_tokens":7}"#),
    Sample(name: "fast-agent-hello", exit: "0", verdict: "succeeded", text: hello),
  ]

  private static let folder = "\(Repository.path)/Tests/Agents/samples"

  @Test(arguments: samples)
  func `what a real agent printed becomes the verdict and the facts that a reader finds in it`(
    sample: Sample
  ) throws {
    let report = try Self.replay(sample)
    let verdict = [report["status"]?.string, report["reason"]?.string].compactMap { $0 }.joined(separator: "/")
    #expect(verdict == sample.verdict)
    #expect(report["text"] == Self.string(sample.text))
    #expect(report["error"] == Self.string(sample.error))
    #expect(report["session"] == Self.string(sample.session))
    #expect(report["usage"] == (try sample.usage.map { try JSON.parse($0) } ?? .null))
    #expect(report["cost_usd"]?.number == sample.cost)
    #expect(report["tools"]?.array?.map { Self.describe($0) } == sample.tools)
    #expect(report["flags"]?.array?.compactMap { $0.string } == sample.flags)
    #expect(report["noise"] == .integer(Int64(sample.noise)))
  }

  @Test
  func `every sample that is kept has its row, and every row its sample`() throws {
    let kept = Set(
      try Directory.open(Self.folder).entries().map { String($0.split(separator: ".")[0]) })
    // This one said nothing at all, on either stream.
    #expect(kept.union(["kimi-term"]) == Set(Self.samples.map(\.name)))
    #expect(Set(Self.samples.map(\.name)).count == Self.samples.count)
  }

  private static func replay(_ sample: Sample) throws -> JSON {
    func file(_ suffix: String) throws -> String {
      let path = "\(folder)/\(sample.name).\(suffix)"
      return try FileStatus.at(path) == nil ? "/dev/null" : path
    }
    let world = try World()
    let outcome = try world.call(
      "replay", try file("ndjson"), "--stderr", try file("stderr"), "--plugin", sample.plugin, "--exit", sample.exit,
      "--json")
    #expect(outcome.code == .code(0), "\(outcome.errors)")
    return try JSON.parse(outcome.output)
  }

  private static func string(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }

  private static func describe(_ tool: JSON) -> String {
    let name = tool["name"]?.string ?? "?"
    guard tool["state"]?.string == "finished" else { return "\(name) not finished" }
    switch tool["ok"] {
    case .bool(let isFine): return "\(name) \(isFine ? "fine" : "failed")"
    default: return name
    }
  }
}
