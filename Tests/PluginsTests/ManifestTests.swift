import Model
import Support
import Testing

@testable import Plugins

@Suite(.tags(.medium))
struct ManifestTests {
  @Test
  func `the manifest of the design is read in full`() throws {
    let manifest = try read(sampleManifest)
    #expect(manifest.name == "hello" && manifest.version == "1" && manifest.description == "Greets, slowly.")
    #expect(manifest.folder == "/plugins/hello" && manifest.file == "/plugins/hello/plugin.json")
    let values: [Placeholder: String] = [.prompt: "P", .model: "M", .session: "S"]
    #expect(try manifest.command.filled(with: values) == ["./hello.sh", "--model", "M", "--", "P"])
    #expect(try manifest.resume?.filled(with: values) == ["./hello.sh", "--session", "S", "--", "P"])
    #expect(manifest.environment.pass == ["HELLO_*"] && manifest.environment.require == ["HELLO_KEY"])
    #expect(manifest.environment.set.map { "\($0.name)=\($0.value)" } == ["HELLO_MODE=plain"])
    #expect(manifest.environment.drop == [])
    #expect(manifest.limits.map { "\($0.name)=\($0.text)" } == ["wall=10m", "idle=30s", "memory=512MiB"])
    #expect(!manifest.writes && manifest.result == .word && manifest.check == ["./hello.sh", "--version"])
    #expect(manifest.stop == 15 && manifest.final == .first)
    #expect(!manifest.successNeedsExit && manifest.privileges == .none)
  }

  @Test
  func `every word that is not the default is taken too`() throws {
    let manifest = try read(
      try sample([
        "writes": "true", "result": #""exit""#, "stop": #""SIGINT""#, "final": #""last""#,
        "success_needs_exit": "true", "privileges": #""may_gain""#, "limits": #"{"cost": 0.5, "tasks": 7}"#,
      ]))
    #expect(manifest.writes && manifest.result == .exit && manifest.stop == 2 && manifest.final == .last)
    #expect(manifest.successNeedsExit && manifest.privileges == .mayGain)
    #expect(manifest.limits.map { "\($0.name)=\($0.text)" } == ["cost=0.5", "tasks=7"])
  }

  @Test
  func `name, version and command are enough, and the rest is as the design says`() throws {
    let manifest = try read(#"{"name": "hello", "version": "1", "command": ["./hello.sh"]}"#)
    #expect(manifest.description == nil && manifest.resume == nil && manifest.check == nil)
    #expect(manifest.limits.isEmpty && !manifest.writes && manifest.result == .word && manifest.stop == 15)
    #expect(manifest.final == .first && !manifest.successNeedsExit && manifest.privileges == .none)
  }

  @Test(arguments: ["name", "version", "command"])
  func `a member that is required and missing is named`(key: String) throws {
    let text = try sample(without: key)
    let error = try #require(refusal { _ = try read(text) })
    #expect(error.code == .badManifest && error.key == key && error.file == "/plugins/hello/plugin.json")
    #expect(error.message == "/plugins/hello/plugin.json: “\(key)”: is required")
  }

  /// A member that is wrong, what stands there, and the path and words of the complaint.
  struct Wrong: Sendable, CustomTestStringConvertible {
    let member: String
    let text: String
    let key: String
    let complaint: String
    var testDescription: String { "\(member): \(text)" }

    init(_ member: String, _ text: String, at key: String? = nil, _ complaint: String) {
      self.member = member
      self.text = text
      self.key = key ?? member
      self.complaint = complaint
    }
  }

  static let unknownKeys: [Wrong] = [
    Wrong("comand", "[]", "unknown key"),
    Wrong("Name", #""x""#, "unknown key"),
    Wrong("env", #"{"passs": []}"#, at: "env.passs", "unknown key"),
    Wrong("command", #"["a", {"if": "model", "else": []}]"#, at: "command[1].else", "unknown key"),
    Wrong("limits", #"{"walls": "1m"}"#, at: "limits.walls", "unknown limit “walls”"),
  ]

  static let wrongTypes: [Wrong] = [
    Wrong("name", "1", "must be a string"),
    Wrong("version", "1", "must be a string"),
    Wrong("description", "null", "must be a string"),
    Wrong("command", #""./hello.sh {prompt}""#, "must be a list of arguments"),
    Wrong("command", "[]", "must be a list of arguments"),
    Wrong("command", #"["a", 1]"#, at: "command[1]", "must be a string"),
    Wrong("command", #"["a", ["b"]]"#, at: "command[1]", "must be a string"),
    Wrong("command", #"["{prompt}"]"#, at: "command[0]", "the program must be plain text"),
    Wrong("command", #"[{"if": "model", "then": []}]"#, at: "command[0]", "the program must be plain text"),
    Wrong("command", #"["a", {"then": []}]"#, at: "command[1].if", "is required"),
    Wrong("command", #"["a", {"if": "model", "then": "b"}]"#, at: "command[1].then", "must be a list"),
    Wrong("resume", "{}", "must be a list of arguments"),
    Wrong("env", "[]", "must be an object"),
    Wrong("env", #"{"pass": "A"}"#, at: "env.pass", "must be a list of strings"),
    Wrong("env", #"{"pass": ["A", 1]}"#, at: "env.pass[1]", "must be a string"),
    Wrong("env", #"{"set": ["A"]}"#, at: "env.set", "must be an object"),
    Wrong("env", #"{"set": {"A": 1}}"#, at: "env.set.A", "must be a string"),
    Wrong("limits", "[]", "must be an object"),
    Wrong("limits", #"{"wall": null}"#, at: "limits.wall", "must be text"),
    Wrong("writes", #""yes""#, "must be true or false"),
    Wrong("check", #""./hello.sh""#, "must be a list of strings"),
    Wrong("stop", "15", "must be a string"),
    Wrong("success_needs_exit", "1", "must be true or false"),
  ]

  static let wrongValues: [Wrong] = [
    Wrong("name", #""Hello""#, "is no plugin name"),
    Wrong("name", #""../hello""#, "is no plugin name"),
    Wrong("name", #""-hello""#, "is no plugin name"),
    Wrong("name", #""other""#, "lies in a folder called “hello”"),
    Wrong("version", #""""#, "is required"),
    Wrong("command", #"["a", "{promt}"]"#, at: "command[1]", "there is no “{promt}”"),
    Wrong("command", #"["a", {"if": "modell", "then": []}]"#, at: "command[1].if", "there is no “{modell}”"),
    Wrong("command", #"["a", {"if": "model", "then": ["{x}"]}]"#, at: "command[1].then[0]", "there is no “{x}”"),
    Wrong("env", #"{"require": ["A*"]}"#, at: "env.require", "“A*” is no name"),
    Wrong("env", #"{"pass": ["A=B"]}"#, at: "env.pass", "“A=B” is no name"),
    Wrong("env", #"{"pass": ["A*B"]}"#, at: "env.pass", "“A*B” is no name"),
    Wrong("env", #"{"pass": ["*"]}"#, at: "env.pass", "“*” is no name"),
    Wrong("env", #"{"drop": [""]}"#, at: "env.drop", "“” is no name"),
    Wrong("env", #"{"set": {"A B": ""}}"#, at: "env.set.A B", "is no name"),
    Wrong("limits", #"{"wall": "10"}"#, at: "limits.wall", "“10” is no value for the limit “wall”"),
    Wrong("limits", #"{"wall": 10}"#, at: "limits.wall", "“10” is no value for the limit “wall”"),
    Wrong("limits", #"{"grace": "none"}"#, at: "limits.grace", "cannot be switched off"),
    Wrong("limits", #"{"memory": "1B"}"#, at: "limits.memory", "makes no sense"),
    Wrong("result", #""text""#, "“text” is none of “event”, “exit”, “evidence”"),
    Wrong("dialect", #"[{"when":{"/a":1},"done":true}]"#, "has a rule with “done”"),
    Wrong("dialect", #""claude""#, "there is no dialect “claude”"),
    Wrong("stop", #""TREM""#, "“TREM” is no signal"),
    Wrong("final", #""middle""#, "“middle” is none of “first”, “last”"),
    Wrong("privileges", #""all""#, "“all” is none of “none”, “may_gain”"),
  ]

  @Test(arguments: [unknownKeys, wrongTypes, wrongValues].flatMap { $0 })
  func `what is wrong is named with its file, its path and the reason`(wrong: Wrong) throws {
    let text = try sample([wrong.member: wrong.text])
    let error = try #require(refusal { _ = try read(text) })
    #expect(error.code == .badManifest && error.key == wrong.key)
    #expect(error.message.hasPrefix("/plugins/hello/plugin.json: “\(wrong.key)”: "), "\(error.message)")
    #expect(error.message.contains(wrong.complaint), "\(error.message)")
  }

  @Test(arguments: [
    ("", "1:1"), ("{", "1:2"), ("{\n  \"name\": \"hello\",\n  \"version\" 1\n}", "3:13"),
    ("{\"name\": \"é\", }", "1:15"),
    ("{'name': 1}", "1:2"), ("// hello\n{}", "1:1"),
  ])
  func `broken JSON is told with its line and column`(text: String, place: String) throws {
    let error = try #require(refusal { _ = try read(text) })
    #expect(error.code == .badManifest && error.file == "/plugins/hello/plugin.json")
    #expect(error.message.hasPrefix("/plugins/hello/plugin.json:\(place): "), "\(error.message)")
  }

  @Test(arguments: ["[]", "1", "null", #""hello""#])
  func `a manifest that is no object is refused`(text: String) throws {
    let error = try #require(refusal { _ = try read(text) })
    #expect(error.key == nil && error.message.contains("a manifest is a JSON object"))
  }

  @Test(arguments: [
    "hello", "a", "0", "a-b_c9", String(repeating: "a", count: 64),
  ])
  func `a name of small letters, digits, dashes and underscores is a plugin name`(name: String) {
    #expect(Manifest.isName(name))
  }

  @Test(arguments: [
    "", "Hello", "-a", "_a", ".", "..", "a/b", "a.b", "a b", "é", "aé", "a\0", "e\u{301}", "b\u{301}", "ab\u{301}c",
    "ａ",
    String(repeating: "a", count: 65),
  ])
  func `what could not be a file name or is hard to type is no plugin name`(name: String) {
    #expect(!Manifest.isName(name))
  }

  // One of the two is always without a value, so that such a command could never be filled.
  @Test(arguments: [
    #"["x", "{prompt}", "{prompt_file}"]"#, #"["x", {"if": "prompt", "then": ["{prompt}"]}, "{prompt_file}"]"#,
    #"["x", {"if": "model", "then": ["{prompt}"]}, {"if": "prompt_file", "then": ["{prompt_file}"]}]"#,
    #"["x", {"if": "prompt", "then": ["{prompt_file}"]}]"#,
  ])
  func `a command that wants the prompt and its file at once is refused`(command: String) throws {
    let error = try #require(refusal { _ = try read(try sample(["command": command])) })
    #expect(error.key == "command" && error.message.contains("never both"), "\(error)")
  }

  @Test(arguments: [
    ("command", #"["x\u0000y"]"#, "command[0]"), ("check", #"["x", "\u0000"]"#, "check[1]"),
    ("env", #"{"set": {"A": "b\u0000"}}"#, "env.set.A"),
  ])
  func `a NUL is refused where it stands, for a program would see the text cut short there`(
    key: String, value: String, place: String
  ) throws {
    let error = try #require(refusal { _ = try read(try sample([key: value])) })
    #expect(error.key == place && error.message.contains("NUL"), "\(error)")
  }

  @Test
  func `what has no meaning together is refused, not passed over`() throws {
    for (key, value) in [("final", #""last""#), ("success_needs_exit", "true")] {
      let error = try #require(
        refusal { _ = try read(try sample(["result": #""evidence""#, key: value])) }, "\(key) is taken")
      #expect(error.key == key && error.message.contains("evidence"))
    }
    _ = try read(try sample(["result": #""evidence""#, "dialect": #"[{"when":{"/a":1},"done":true}]"#]))
  }
}
