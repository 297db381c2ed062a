import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// What is secret in a caller's environment is nowhere in what Reeve writes, whatever the programs of a run do with it.
@Suite(.tags(.large))
struct SecretTests {
  /// Secrets with all that needs to be escaped somewhere.
  private static let passed = #"cAnArY-1/"x\y% z&k"#
  private static let kept = "cAnArY-2-of-somebody-else"
  private static let given = "cAnArY-3-of-the-request"
  private static let set = "cAnArY-4-of-the-manifest"

  /// Ways in which a program tells what it should not.
  private static let leaks: [(way: String, script: String)] = [
    ("whole", #"echo "it is $CANARY_TOKEN, $GIVEN_KEY, $SET_PASSWORD" >&2"#),
    (
      "byte by byte",
      #"s=$CANARY_TOKEN; while [ -n "$s" ]; do printf %s "${s%"${s#?}"}" >&2; s=${s#?}; sleep 0.01; done; echo >&2"#
    ),
    (
      "in two writes",
      #"r=${CANARY_TOKEN#??????}; printf %s "${CANARY_TOKEN%"$r"}" >&2; sleep 0.1; printf '%s\n' "$r" >&2"#
    ),
    ("escaped for JSON", #"printf %s "$CANARY_TOKEN" | sed 's#["\\/]#\\&#g' >&2; echo >&2"#),
    (
      "escaped for JSON throughout", #"printf %s "$CANARY_TOKEN" | od -An -v -tx1 | tr -d '\n' | sed 's/ /\\u00/g' >&2"#
    ),
    ("in a URL", #"printf %s "$CANARY_TOKEN" | od -An -v -tx1 | tr -d '\n' | sed 's/ /%/g' >&2"#),
    (
      "in a URL in capitals",
      #"printf %s "$CANARY_TOKEN" | od -An -v -tx1 | tr -d '\n' | tr a-f A-F | sed 's/ /%/g' >&2"#
    ),
    ("in the last line of a failure", #"echo "cannot log in with $CANARY_TOKEN and $GIVEN_KEY" >&2; exit 3"#),
    ("without a newline", #"printf %s "$CANARY_TOKEN" >&2; exit 3"#),
    ("cut off", #"printf %s "${CANARY_TOKEN%?}" >&2; exit 3"#),
    (
      "in a final word",
      #"e=$(printf %s "$CANARY_TOKEN" | sed 's#["\\]#\\&#g'); printf '{"type":"result","status":"error","error":"bad %s"}\n' "$e""#
    ),
    ("though it was not passed", #"tr '\0' '\n' < /proc/$PPID/environ | grep KEPT >&2; exit 3"#),
  ]

  private func makeWorld() throws -> World {
    let world = try World()
    world.environment["CANARY_TOKEN"] = Self.passed
    world.environment["KEPT_SECRET"] = Self.kept
    try world.addPlugin(
      "leak",
      #"""
      {"name":"leak","version":"1","command":["/bin/sh","-c","{prompt}"],
       "env":{"pass":["CANARY_TOKEN","GIVEN_KEY"],"set":{"SET_PASSWORD":"\#(Self.set)"}}}
      """#)
    return world
  }

  /// Every way in which a secret could be told from a text, and any ten bytes of it.
  private func traces(in bytes: [UInt8]) -> [String] {
    var found: [String] = []
    for secret in [Self.passed, Self.kept, Self.given, Self.set] {
      let plain = Array(secret.utf8)
      let hex = plain.map { byte in
        let digits = String(byte, radix: 16)
        return digits.count == 1 ? "0" + digits : digits
      }
      var forms = plain.indices.dropLast(9).map { Array(plain[$0..<($0 + 10)]) }
      forms.append(Array(JSON.string(secret).text.utf8.dropFirst().dropLast()))
      forms.append(Array(("\\u00" + hex.joined(separator: "\\u00")).utf8))
      forms.append(Array(("%" + hex.joined(separator: "%")).utf8))
      forms.append(Array(("%" + hex.joined(separator: "%")).uppercased().utf8))
      for form in forms where contains(bytes, form) { found.append(String(decoding: form, as: UTF8.self)) }
    }
    return found
  }

  /// memmem, whose name is hidden from Swift.
  private func contains(_ bytes: [UInt8], _ form: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) -> Bool in
      form.withUnsafeBytes { (form: UnsafeRawBufferPointer) -> Bool in
        guard var start = bytes.baseAddress, let wanted = form.baseAddress else { return false }
        let end = start + bytes.count
        while end - start >= form.count, let found = memchr(start, Int32(form[0]), end - start - form.count + 1) {
          if memcmp(found, wanted, form.count) == 0 { return true }
          start = UnsafeRawPointer(found) + 1
        }
        return false
      }
    }
  }

  /// The files of a state folder but for transcripts, which are raw.
  private func files(below folder: String) -> [String] {
    var files: [String] = []
    for name in (try? Directory.open(folder).entries()) ?? [] {
      let path = "\(folder)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR { files += self.files(below: path) }
      if status.st_mode & S_IFMT == S_IFREG && name != "transcript.ndjson" { files.append(path) }
    }
    return files
  }

  /// Nothing of a secret in any file, nor in what was said; and yet it was told, as the marks show.
  private func expectSilence(_ world: World, said: [String]) throws {
    let files = files(below: world.state)
    #expect(files.contains { $0.hasSuffix("/ledger.db") } && files.contains { $0.hasSuffix("/stderr.log") })
    for path in files {
      let bytes = try #require(TestFile.read(path))
      #expect(traces(in: bytes) == [], "\(path)")
    }
    for text in said { #expect(traces(in: Array(text.utf8)) == [], "\(text)") }
    let logs = files.filter { $0.hasSuffix("/stderr.log") }.compactMap { try? contents($0) }
    #expect(logs.count == Self.leaks.count - 1)
    let marked = logs.filter { $0.contains("[masked CANARY_TOKEN]") || $0.contains("[masked KEPT_SECRET]") }
    #expect(marked.count == logs.count, "\(logs)")
    let runs = try world.runs()
    #expect(runs.count == Self.leaks.count)
    for run in runs { #expect(traces(in: Array((run.error ?? "").utf8)) == []) }
    #expect(runs.contains { $0.error == "bad [masked CANARY_TOKEN]" })
    #expect(runs.filter { $0.error?.hasSuffix("[masked CANARY_TOKEN]") == true }.count >= 3, "\(runs.map(\.error))")
  }

  @Test
  func `what a run tells of its caller's secrets on stderr is nowhere in what Reeve writes`() throws {
    let world = try makeWorld()
    world.environment["GIVEN_KEY"] = Self.given
    var said: [String] = []
    for leak in Self.leaks {
      let ended = try world.call("run", "leak", leak.script, "--wait", "gone")
      #expect(ended.code == .code(1), "\(leak.way): \(ended.errors)")
      said += [ended.output, ended.errors]
    }
    for run in try world.runs() {
      for command in [["show", "--why"], ["show", "--json"], ["logs", "--stderr"]] {
        let child = try Child(
          Repository.program("reeve"), command + [run.id.description], environment: world.environment)
        try child.wait()
        said += [child.output, child.errors]
      }
    }
    try expectSilence(world, said: said)
  }

  @Test
  func `nor when the background host runs it`() throws {
    let world = try makeWorld()
    world.environment["GIVEN_KEY"] = Self.given
    var said: [String] = []
    defer { _ = try? world.call("call", "host/drain", #"{"timeout":"0s"}"#) }
    for leak in Self.leaks {
      let begun = try world.call("run", "--detach", "leak", leak.script)
      let ended = try world.call("wait", begun.output.split(separator: "\n").joined(), "--json")
      said += [begun.output, begun.errors, ended.output, ended.errors]
    }
    try eventually("not all are buried") { try world.runs().allSatisfy { $0.disposal == .gone } }
    try expectSilence(world, said: said)
  }

  @Test
  func `nor when a client of JSON-RPC brings them, and no answer quotes one`() throws {
    let world = try makeWorld()
    let host = try ServedHost(world)
    var said: [String] = []
    for leak in Self.leaks {
      let begun = try host.call(
        "run/start",
        [
          "plugin": "leak", "prompt": .string(leak.script), "env": ["GIVEN_KEY": .string(Self.given)],
          "subscribe": true,
        ])
      let id = try #require(begun["run"]?["id"])
      said.append(begun.text)
      said.append(try host.call("run/wait", ["run": id, "until": "gone"]).text)
      said.append(try host.call("run/get", ["run": id]).text)
      said.append(try host.call("run/why", ["run": id]).text)
    }
    said.append(try host.call("run/list").text)
    said.append(try host.call("env/preview", ["plugin": "leak", "env": ["GIVEN_KEY": .string(Self.given)]]).text)
    let wrong: [JSON] = [
      ["plugin": "leak", "env": [Self.given: .string(Self.given)]],
      ["plugin": "leak", "prompt": "x", "env": ["A=\(Self.given)": ""]],
      ["plugin": "leak", "prompt": "x", "env": ["GIVEN_KEY": .string(Self.given + "\0")]],
      ["plugin": .string(Self.given), "env": ["GIVEN_KEY": .string(Self.given)]],
      [
        "plugin": "leak", "prompt": "x", "env": ["GIVEN_KEY": .string(Self.given)],
        "limits": ["wall": .string(Self.given)],
      ],
    ]
    for (number, request) in wrong.enumerated() where number > 0 {
      let error = try #require(throws: RPCError.self) { try host.call("run/start", request) }
      said.append(error.json.text)
    }
    for (method, params) in [
      (Self.passed, .object([:])), ("plugin/get", ["plugin": .string(Self.passed)]),
      ("run/get", ["run": .string(Self.passed)]),
    ] as [(String, JSON)] {
      do {
        said.append(try host.call(method, params).text)
      } catch let error as RPCError {
        said.append(error.json.text)
      }
    }
    for message in host.messages {
      // A subscriber is shown what the agent writes, as it writes it.
      if case .notification("run/changed", let params) = message { said.append(params?.text ?? "") }
    }
    try host.notify("exit")
    try host.process.wait()
    said.append(host.process.errors)
    try expectSilence(world, said: said)
  }

  @Test
  func `nor in the verdict that a guardian gives in the place of a dead host`() throws {
    let world = try makeWorld()
    try world.addPlugin(
      "late",
      #"""
      {"name":"late","version":"1","final":"last","command":["/bin/sh","-c","{prompt}"],"env":{"pass":["CANARY_TOKEN"]}}
      """#)
    let script = #"""
      e=$(printf %s "$CANARY_TOKEN" | sed 's#["\\]#\\&#g')
      printf '{"type":"result","status":"error","error":"bad %s"}\n' "$e"; touch said; sleep 1000
      """#
    let child = try world.reeve("run", "late", script)
    try eventually("it says nothing") { world.has("said") }
    try world.awaitRun("nothing is counted") { _ in
      ((try? Directory.open("\(world.state)/runs").entries()) ?? []).contains { id in
        (try? contents("\(world.state)/runs/\(id)/transcript.ndjson"))?.contains("result") == true
      }
    }
    kill(try child.host(), SIGKILL)
    try child.wait()
    let run = try world.awaitRun("it is not settled") { $0.status.isTerminal }
    #expect(run.status == .failed && run.error == "bad [masked CANARY_TOKEN]", "\(run.status) \(run.error ?? "")")
    for path in files(below: world.state) { #expect(traces(in: try #require(TestFile.read(path))) == [], "\(path)") }
    #expect(traces(in: Array((child.output + child.errors).utf8)) == [])
  }

  @Test
  func `each run records which variables it got and which it did not, by name`() throws {
    let world = try makeWorld()
    try world.configure(#"{"env":{"pass":["FROM_*"]},"plugins":{"leak":{"env":{"pass":["ALSO"]}}}}"#)
    for name in ["FROM_ALL", "FROM_KEY", "ALSO", "NODE_OPTIONS"] { world.environment[name] = "x" }
    let ended = try world.call("run", "leak", #"echo "$FROM_ALL$ALSO$FROM_KEY." >&2; exit 3"#, "--json")
    let environment = try #require(try JSON.parse(ended.output)["environment"])
    #expect(try JSON.parse(try #require(try world.run().environment?.text)) == environment)
    let passed = try #require(environment["passed"]?.array)
    #expect(passed == ["ALSO", "CANARY_TOKEN", "FROM_ALL", "HOME", "PATH"])
    let dropped = try #require(environment["dropped"]?.array)
    for name: JSON in ["KEPT_SECRET", "FROM_KEY", "NODE_OPTIONS", "REEVE_STATE"] { #expect(dropped.contains(name)) }
    #expect(environment["missing"] == ["GIVEN_KEY"])
    #expect(try world.run().error?.hasSuffix(": xx.") == true)
  }

  @Test
  func `reeve env tells what becomes of each variable and why, and no value`() throws {
    let world = try makeWorld()
    try world.addPlugin(
      "strict", #"{"name":"strict","version":"1","command":["/bin/true"],"env":{"require":["NEEDED_KEY"]}}"#)
    world.environment["CLAUDECODE"] = "1"
    let told = try world.call("env", "leak")
    #expect(told.code == .code(0), "\(told.errors)")
    let lines = told.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    for line in [
      "passed CANARY_TOKEN the manifest passes it", "passed PATH every program gets it",
      "set SET_PASSWORD the manifest sets it", "set REEVE_RUN Reeve sets it",
      "missing GIVEN_KEY it is to be passed, and not there", "dropped KEPT_SECRET no rule names it",
      "dropped CLAUDECODE marks a nested agent or a debugger",
    ] {
      #expect(lines.contains(line), "\(told.output)")
    }
    let strict = try world.call("env", "strict", "--json")
    let json = try JSON.parse(strict.output)
    #expect(strict.code == .code(1) && json["usable"] == false)
    #expect(
      json["variables"]?.array?.contains(
        ["name": "NEEDED_KEY", "fate": "missing", "why": "the manifest requires it"]) == true)
    for text in [told.output, told.errors, strict.output] { #expect(traces(in: Array(text.utf8)) == []) }
    #expect(try world.call("env", "nonsense").code == .code(2))
  }

  @Test
  func `what a rule takes from stderr is masked like the rest of it`() throws {
    let world = try makeWorld()
    try world.addPlugin(
      "teller",
      #"""
      {"name":"teller","version":"1","command":["/bin/sh","-c","{prompt}"],"env":{"pass":["CANARY_TOKEN"]},
       "result":"evidence","dialect":[{"stderr":"session {id}","session":"{id}"},{"stderr":"again {why}","retrying":"{why}"},
         {"stderr":"bad {why}","error":"{why}"},{"line":"oops","failure":true}]}
      """#)
    let script = #"for word in session again bad; do echo "$word $CANARY_TOKEN" >&2; done; exit 1"#
    let run = try world.call("run", "teller", script, "--json", "--wait", "gone")
    #expect(traces(in: Array(run.output.utf8)) == [], "\(run.output)")
    let json = try JSON.parse(run.output)
    #expect(json["session"]?.string == "[masked CANARY_TOKEN]", "\(run.output)")
    #expect(json["error"]?.string == "the program exited with code 1: [masked CANARY_TOKEN]", "\(run.output)")
  }
}
