import Glibc
import Kernel
import Ledger
import Model
import RPC
import Support
import Testing
import Wire

/// What a person or a program asks reaches the agent byte for byte, however it comes and however it goes.
@Suite(.tags(.large))
struct PromptTests {
  /// A world with agents that write down what they were asked.
  private func makeWorld() throws -> World {
    let world = try World()
    let session = #"echo '{"type":"session","id":"s"}'; echo '{"type":"result","status":"ok"}'"#
    world.environment["SESSION"] = session
    try world.addPlugin(
      "words",
      #"""
      {"name":"words","version":"1","command":["/bin/sh","-c","printf %s \"$0\" >asked; eval \"$SESSION\"","{prompt}"],
       "resume":["/bin/sh","-c","printf %s \"$0\" >again; eval \"$SESSION\"","{prompt}"],"env":{"pass":["SESSION"]}}
      """#)
    try world.addPlugin(
      "file",
      #"""
      {"name":"file","version":"1","result":"exit",
       "command":["/bin/sh","-c","cp \"$0\" asked; stat -c %a \"$0\" >mode; printf %s \"$0\" >place","{prompt_file}"]}
      """#)
    try world.addPlugin(
      "either",
      #"""
      {"name":"either","version":"1","result":"exit",
       "command":["/bin/sh","-c","printf '%.6s\\n' \"$@\" >words; [ \"$1\" = --file ] && cp \"$2\" asked || true","x",
        {"if":"prompt_file","then":["--file","{prompt_file}"]},{"if":"prompt","then":["--","{prompt}"]}]}
      """#)
    return world
  }

  private func asked(_ world: World, _ file: String = "asked") -> [UInt8]? {
    defer { unlink(world.path(file)) }
    return TestFile.read(world.path(file))
  }

  /// Runs `reeve` with these words and this file as its standard input.
  private func call(_ world: World, _ words: [String], input: String) throws -> (code: ProcessExit, errors: String) {
    let child = try Child(
      "/bin/sh", ["-c", "input=$1; shift; exec \"$0\" \"$@\" <\"$input\"", Repository.program("reeve"), input] + words,
      environment: world.environment, directory: world.folder.path)
    return (try child.wait(), child.errors)
  }

  @Test(arguments: [
    "it's", #"a "quoted" one"#, "$(touch ran) `touch ran` $HOME; rm -rf * | &", "a\nb\n\nc\n", "--help", "-", "--",
    "-n", "  spaces  ", "ümläut 🙂 \u{2028}", "a\\b\\", "\t\u{1}\u{7f}", "{prompt} {cwd}", "--file=x",
  ])
  func `a prompt arrives exactly as it was given, as a word, from a file and from standard input`(
    prompt: String
  ) throws {
    let world = try makeWorld()
    let bytes = Array(prompt.utf8)
    let word = try world.call("run", "words", "--", prompt)
    #expect(word.code == .code(0), "\(word.errors)")
    #expect(asked(world) == bytes)
    try world.folder.write("prompt", prompt + "\n")
    let file = try world.call("run", "words", "--file", "prompt")
    #expect(file.code == .code(0), "\(file.errors)")
    #expect(asked(world) == bytes)
    let input = try call(world, ["run", "words", "-"], input: "prompt")
    #expect(input.code == .code(0), "\(input.errors)")
    #expect(asked(world) == bytes)
    // And as a file, through the agent's own command.
    #expect(try call(world, ["run", "file", "-"], input: "prompt").code == .code(0))
    #expect(asked(world) == bytes)
    #expect(!world.has("ran"))
    #expect(try world.runs().allSatisfy { Array($0.prompt.utf8) == bytes })
  }

  @Test(arguments: [("a", "a"), ("a\n", "a"), ("a\n\n", "a\n"), ("a\r\n", "a\r"), ("\na ", "\na ")])
  func `one newline at the end of a file or of standard input is dropped, and nothing else`(
    content: String, prompt: String
  ) throws {
    let world = try makeWorld()
    try world.folder.write("prompt", content)
    #expect(try world.call("run", "words", "--file", "prompt").code == .code(0))
    #expect(asked(world) == Array(prompt.utf8))
    #expect(try call(world, ["run", "words", "-"], input: "prompt").code == .code(0))
    #expect(asked(world) == Array(prompt.utf8))
    // A word is taken as it is.
    #expect(try world.call("run", "words", content).code == .code(0))
    #expect(asked(world) == Array(content.utf8))
  }

  @Test
  func `a prompt that no program or record can hold is refused with what is wrong, and leaves no row`() throws {
    let world = try makeWorld()
    try world.folder.write("nul", "a\0b")
    let latin = try world.folder.open().openFile("latin", flags: O_WRONLY | O_CREAT)
    try latin.writeAll(([0x61, 0xe9, 0x62] as [UInt8]).span.bytes)
    try world.folder.write("empty", "")
    try world.folder.write("newline", "\n")
    try world.folder.open().makeDirectory("folder")
    let large = try world.folder.open().openFile("large", flags: O_WRONLY | O_CREAT)
    #expect(ftruncate(large.raw, 9 << 20) == 0)
    for (file, saying) in [
      ("nul", "NUL"), ("latin", "not UTF-8"), ("empty", "is empty"), ("newline", "is empty"), ("large", "too large"),
      ("folder", "directory"),
    ] {
      let named = try world.call("run", "words", "--file", file)
      #expect(named.code == .code(2) && named.errors.contains(saying), "\(file): \(named.errors)")
      let read = try call(world, ["run", "words", "-"], input: file)
      #expect(read.code == .code(2) && read.errors.contains(saying), "\(file): \(read.errors)")
      for errors in [named.errors, read.errors] { #expect(errors.split(separator: "\n").count == 1) }
    }
    let missing = try world.call("run", "words", "--file", "nowhere")
    #expect(missing.code == .code(2) && missing.errors.contains("nowhere"))
    let word = try Child(
      "/bin/sh", ["-c", #"exec "$0" run words "$(printf 'a\351b')""#, Repository.program("reeve")],
      environment: world.environment)
    #expect(try word.wait() == .code(2) && word.errors.contains("is not UTF-8"), "\(word.errors)")
    #expect(try world.runs().isEmpty && !world.has("asked"))
  }

  @Test(arguments: [
    ["run", "words", "a", "--file", "prompt"], ["run", "words", "-", "--file", "prompt"],
    ["run", "words", "--file", "prompt", "--file", "prompt"], ["resume", "0", "a", "--file=prompt"],
  ])
  func `a prompt from two places is refused`(words: [String]) throws {
    let world = try makeWorld()
    try world.folder.write("prompt", "p")
    let ended = try call(world, words, input: "prompt")
    #expect(ended.code == .code(2) && ended.errors.contains("given twice"), "\(ended.errors)")
    #expect(try world.runs().isEmpty)
  }

  @Test
  func `a pipe is read to its end, however slowly it comes, and a terminal is told how to end it`() throws {
    let world = try makeWorld()
    let slow = try Child(
      "/bin/sh", ["-c", "(printf a; sleep 0.3; printf 'b\\n') | \"$0\" run words -", Repository.program("reeve")],
      environment: world.environment, directory: world.folder.path)
    #expect(try slow.wait() == .code(0), "\(slow.errors)")
    #expect(asked(world) == Array("ab".utf8))

    let terminal = try Terminal()
    let typed = try world.reeve("run", "words", "-", terminal: terminal)
    try eventually("there is no hint: \(terminal.screen)") { terminal.screen.contains("Ctrl-D") }
    try terminal.type("typed\n\u{4}")
    #expect(try typed.wait() == .code(0), "\(terminal.screen)")
    #expect(asked(world) == Array("typed".utf8))
  }

  @Test
  func `resume and a detached run take a prompt from the same places`() throws {
    let world = try makeWorld()
    let made = try world.call("run", "words", "first", "--json", "--wait", "gone")
    let id = try #require(JSON.parse(made.output)["id"]?.string)
    try world.folder.write("prompt", "second\nline\n")
    let resumed = try call(world, ["resume", id, "-", "--json", "--wait", "gone"], input: "prompt")
    #expect(resumed.code == .code(0), "\(resumed.errors)")
    #expect(asked(world, "again") == Array("second\nline".utf8))
    _ = asked(world)
    let host = try world.reeve("serve", "--socket")
    let detached = try world.call("run", "words", "--detach", "--file", "prompt")
    #expect(detached.code == .code(0), "\(detached.errors)")
    try eventually("it is not asked") { asked(world) == Array("second\nline".utf8) }
    host.signal(SIGTERM)
    try host.wait()
  }

  // MARK: - Files

  @Test
  func `a prompt file is the owner's alone, holds the prompt exactly, and goes with the run`() throws {
    let world = try makeWorld()
    #expect(try world.call("run", "file", "it's “this”\n", "--wait", "gone").code == .code(0))
    #expect(asked(world) == Array("it's “this”\n".utf8))
    #expect(try contents(world.path("mode")) == "600\n")
    let place = try contents(world.path("place"))
    #expect(place == "\(world.state)/runs/\(try world.run().id)/prompt.txt")
    #expect(access(place, F_OK) == 0)
    sleep(1)
    #expect(try world.call("prune", "--older-than", "1s").code == .code(0))
    #expect(access(place, F_OK) != 0)
    #expect(try Directory.open("\(world.state)/runs").entries().isEmpty)
  }

  @Test
  func `a prompt goes as an argument as long as it fits one, and then as a file`() throws {
    let world = try makeWorld()
    for (size, words) in [(1, ["--", "x"]), (131_071, ["--", "xxxxxx"]), (131_072, ["--file", "/tmp/r"])] {
      try world.folder.write("prompt", String(repeating: "x", count: size))
      let ended = try world.call("run", "either", "--file", "prompt", "--wait", "gone")
      #expect(ended.code == .code(0), "\(ended.errors)")
      #expect(try contents(world.path("words")).split(separator: "\n").map { String($0) } == words)
    }
    #expect(asked(world)?.count == 131_072)
    // Only the one that needed a file left one.
    let id = try #require(world.runs().last?.id.description)
    #expect(try Directory.open("\(world.state)/runs").entries() == [id])
  }

  @Test
  func `a prompt of a megabyte arrives, from the command line and by a call`() throws {
    let world = try makeWorld()
    let prompt = String(repeating: "“$(id)” it's\n\\", count: 70_000)
    try world.folder.write("prompt", prompt)
    for plugin in ["file", "either"] {
      let ended = try world.call("run", plugin, "--file", "prompt")
      #expect(ended.code == .code(0), "\(ended.errors)")
      #expect(asked(world) == Array(prompt.utf8))
    }
    let host = try world.host()
    let answer = try host.call("run/start", ["plugin": "either", "prompt": .string(prompt)])
    let run = try #require(answer["run"]?["id"])
    #expect(try host.call("run/wait", ["run": run])["run"]?["status"] == "succeeded")
    #expect(asked(world) == Array(prompt.utf8))
    try host.end()
  }

  @Test
  func `the record has the beginning of a long prompt, says where the rest is, and is small`() throws {
    let world = try makeWorld()
    // The cut would be in the middle of a character.
    let prompt = "a" + String(repeating: "ü", count: (8 << 20) / 2 - 1) + "b"
    try world.folder.write("prompt", prompt)
    let ended = try world.call("run", "file", "--file", "prompt", "--wait", "gone")
    #expect(ended.code == .code(0), "\(ended.errors)")
    let run = try world.run()
    let line = "[… 8388608 bytes in all; prompt.txt in the run's folder has it …]"
    #expect(run.prompt == "a" + String(repeating: "ü", count: 8191) + "\n" + line)
    #expect(asked(world) == Array(prompt.utf8))
    #expect(TestFile.read("\(world.state)/runs/\(run.id)/prompt.txt") == Array(prompt.utf8))
    let shown = try world.call("show", run.id.description)
    #expect(shown.code == .code(0) && shown.output.contains("aüü") && shown.output.contains(line))
    #expect(shown.output.utf8.count < 32 << 10)
    // What a shell shows beside the name of a run fits on a line.
    let offered = try world.call("completions", "for", "--", "show", "")
    let meaning = try #require(offered.output.split(separator: "\n").first)
    #expect(meaning.hasSuffix("file, succeeded: a" + String(repeating: "ü", count: 59)), "\(offered.output)")
  }

  @Test
  func `a prompt is in the record as it was, where it is no file or not long`() throws {
    let world = try makeWorld()
    for (plugin, size) in [("file", 65_536), ("words", 131_071)] {
      let prompt = String(repeating: "x", count: size)
      try world.folder.write("prompt", prompt)
      #expect(try world.call("run", plugin, "--file", "prompt").code == .code(0))
      #expect(try world.runs().last?.prompt == prompt)
    }
    // But not in a list.
    guard let reader = try LedgerReader.open(in: try Directory.open(world.state)) else {
      throw TestFailure("there is no ledger")
    }
    #expect(try reader.runs(RunQuery(limit: 9)).map(\.prompt.utf8.count) == [16_385, 16_385])
  }

  @Test
  func `a prompt that is too large for a plugin is refused with its size before anything is started`() throws {
    let world = try makeWorld()
    try world.folder.write("prompt", String(repeating: "x", count: 131_072))
    let ended = try world.call("run", "words", "--file", "prompt")
    #expect(ended.code == .code(2) && ended.errors.contains("131072") && ended.errors.contains("131071"))
    let host = try world.host()
    let small = #expect(throws: RPCError.self) {
      try host.call("run/start", ["plugin": "words", "prompt": .string(String(repeating: "x", count: 200_000))])
    }
    #expect(
      small?.code == 1008 && small?.data?["size"] == .integer(200_000) && small?.data?["limit"] == .integer(131_071))
    let most = Int64(8 << 20)
    let large = #expect(throws: RPCError.self) {
      try host.call("run/start", ["plugin": "file", "prompt": .string(String(repeating: "x", count: Int(most) + 1))])
    }
    #expect(
      large?.code == 1008 && large?.data?["size"] == .integer(most + 1) && large?.data?["limit"] == .integer(most))
    let nul = #expect(throws: RPCError.self) { try host.call("run/start", ["plugin": "file", "prompt": "a\0b"]) }
    #expect(nul?.code == RPCError.invalidParams.code && nul?.message.contains("NUL") == true)
    #expect(try world.runs().isEmpty && !world.has("asked"))
    try host.end()
  }

  @Test
  func `an environment that is too large for any program fails the run with what is too large`() throws {
    let world = try makeWorld()
    try world.addPlugin(
      "many", #"{"name":"many","version":"1","command":["/bin/true"],"result":"exit","env":{"pass":["MANY*"]}}"#)
    let host = try world.host()
    let one = #expect(throws: RPCError.self) {
      try host.call("run/start", ["plugin": "many", "env": ["MANY": .string(String(repeating: "x", count: 140_000))]])
    }
    #expect(one?.code == 1006 && one?.data?["errno"] == "E2BIG", "\(String(describing: one))")
    #expect(one?.message.contains("the variable MANY has 140005 bytes") == true, "\(String(describing: one))")
    // As much as a call may bring; with what is passed anyway it is more than the kernel takes with a stack of 8 MiB.
    var stack = rlimit()
    getrlimit(__rlimit_resource_t(3), &stack)
    guard stack.rlim_cur == 8 << 20 else { return skip("the stack is not 8 MiB: an environment too large as a whole") }
    var variables = JSONObject()
    for number in 0..<18 { variables["MANY\(number)"] = .string(String(repeating: "x", count: 116_490)) }
    let sum = #expect(throws: RPCError.self) {
      try host.call("run/start", ["plugin": "many", "env": .object(variables)])
    }
    #expect(sum?.code == 1006 && sum?.data?["errno"] == "E2BIG", "\(String(describing: sum))")
    #expect(sum?.message.contains("its environment 2097") == true, "\(String(describing: sum))")
    try host.end()
  }
}
