import Glibc
import Kernel
import Model
import RPC
import Server
import Support
import Testing
import Wire

/// What a host says of itself, and whether it is true. Every answer in every test is held against it: see `Client`.
@Suite(.tags(.large))
struct ProtocolTests {
  @Test
  func `every method answers as it says`() throws {
    let world = try World()
    try world.addPlugin(
      "again",
      #"""
      {"name":"again","version":"1","description":"says its session",
       "command":["/bin/sh","-c","echo '{\"type\":\"session\",\"id\":\"s\"}'; echo '{\"type\":\"usage\",\"input_tokens\":1,\"cost_usd\":0.5}'; echo '{\"type\":\"result\",\"status\":\"ok\",\"output\":{\"a\":[1]}}'"],
       "resume":["/bin/sh","-c","exit 1"],"limits":{"wall":"10m"}}
      """#)
    let host = try ServedHost(world)
    var called: Set<String> = []
    func call(_ method: String, _ params: JSON = [:]) throws -> JSON {
      called.insert(method)
      return try host.call(method, params)
    }
    #expect(try call("initialize", ["environment": ["PATH": "/usr/bin:/bin"]])["state"]?.string == world.state)
    #expect(try call("initialized") == .null)
    #expect(try call("rpc.discover") == Methods.document.json)
    let id = try #require(
      try call("run/start", ["plugin": "again", "labels": ["a": "b"], "subscribe": true])["run"]?["id"])
    #expect(try call("run/wait", ["run": id, "until": "gone"])["done"] == true)
    #expect(try call("run/get", ["run": id])["run"]?["usage"]?["input_tokens"]?.integer == 1)
    #expect(
      try call("run/list", ["status": ["succeeded", "lost"], "label": ["a": "b"], "plugin": "again"])["runs"]?.array?
        .count == 1)
    #expect(try call("run/events", ["run": id])["end"]?.integer == 3)
    #expect(
      try call("run/why", ["run": id])["transitions"]?.array?.map { $0["to"] } == ["starting", "running", "succeeded"])
    let subscription = try #require(try call("run/subscribe", ["run": id])["subscription"])
    // Of a run that is over everything was brought at once.
    #expect(try call("run/unsubscribe", ["subscription": subscription])["unsubscribed"] == false)
    let next = try #require(try call("run/resume", ["run": id])["run"]?["id"])
    #expect(try call("run/wait", ["run": next, "until": "gone"])["run"]?["resumes"] == id)
    #expect(try call("run/cancel", ["run": next, "wait": "gone"])["cancelled"] == false)
    #expect(try call("run/delete", ["run": next])["deleted"] == true)
    let plugins = try #require(try call("plugin/list")["plugins"]?.array)
    #expect(plugins.first { $0["name"] == "again" }?["usable"] == true)
    #expect(try call("plugin/get", ["plugin": "again"])["plugin"]?["resumes"] == true)
    #expect(try call("plugin/check", ["plugin": "nonsense"])["plugin"]?["usable"] == false)
    #expect(try call("env/preview", ["plugin": "again", "env": ["SECRET_KEY": "x"]])["dropped"] == ["SECRET_KEY"])
    #expect(try call("host/status")["clients"]?.integer == 1)
    #expect(try call("host/doctor")["findings"]?.array?.isEmpty == false)
    #expect(try call("host/drain", ["timeout": "0s"])["draining"] == true)
    #expect(try call("shutdown") == .null)
    called.insert("exit")
    try host.notify("exit")
    #expect(try host.process.wait() == .code(0))
    #expect(called == Set(Methods.document.methods.map(\.name)))
  }

  /// Draft 7 as others understand it.
  @Test
  func `the document is what OpenRPC and JSON Schema say it should be`() throws {
    let python = try Child(
      "/usr/bin/env", ["python3", "-c", "import jsonschema"], environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"])
    guard try python.wait() == .code(0) else { return skip("no python3-jsonschema: the schemas as others read them") }
    let folder = try TemporaryDirectory()
    try folder.write("document", Methods.document.json.text)
    let script = """
      import json, sys
      from jsonschema import Draft7Validator
      document = json.load(open(sys.argv[1]))
      assert document["openrpc"] == "1.4.1" and document["info"]["title"] and document["info"]["version"]
      names = [m["name"] for m in document["methods"]]
      assert len(names) == len(set(names)) and "rpc.discover" in names
      schemas = list(document["components"]["schemas"].values())
      for method in document["methods"]:
        assert method["summary"] and method["paramStructure"] == "either"
        seen_optional = False
        for param in method["params"]:
          assert param["name"] and param["description"], (method["name"], param)
          schemas.append(param["schema"])
        if "result" in method: schemas.append(method["result"]["schema"])
      for schema in schemas: Draft7Validator.check_schema(schema)
      print(len(schemas))
      """
    let check = try Child(
      "/usr/bin/env", ["python3", "-c", script, "\(folder.path)/document"],
      environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"])
    #expect(try check.wait() == .code(0), "\(check.errors)")
  }

  @Test
  func `the same key gives the same run, and another request with it is refused`() throws {
    let world = try World()
    let (one, other) = (try world.host(), try world.host())
    let wish: JSON = ["plugin": "script", "prompt": "sleep 1000", "key": "k1"]
    let first = try #require(try one.call("run/start", wish)["run"]?["id"])
    // The same client, another host, and, when it is over, still.
    #expect(try one.call("run/start", wish)["run"]?["id"] == first)
    #expect(try other.call("run/start", wish)["run"]?["id"] == first)
    for host in [one, other] {
      let error = #expect(throws: RPCError.self) {
        try host.call("run/start", ["plugin": "script", "prompt": "sleep 1001", "key": "k1"])
      }
      #expect(error?.code == 1016 && error?.data?["run"] == first)
    }
    _ = try one.call("run/cancel", ["run": first, "wait": "gone", "urgency": "now"])
    #expect(try other.call("run/start", wish)["run"]?["status"] == "cancelled")
    #expect(try world.runs().count == 1)
  }

  @Test
  func `one key from two hosts at once is one run`() throws {
    let world = try World()
    let hosts = try (0..<2).map { _ in try world.host() }
    for round in 0..<20 {
      let wish: JSON = ["plugin": "script", "prompt": .string(Stage.success), "key": .string("round \(round)")]
      let calls = try hosts.flatMap { host in try (0..<3).map { _ in (host, try host.send("run/start", wish)) } }
      let ids = try calls.map { host, call in try #require(try host.answer(call)["run"]?["id"]?.string) }
      #expect(Set(ids).count == 1)
    }
    #expect(try world.runs().count == 20)
  }

  @Test
  func `a start that is withdrawn is cancelled, a wait that is withdrawn touches nothing`() throws {
    let world = try World()
    let host = try world.host()
    let id = try host.start("script", "sleep 1000")
    let wait = try host.send("run/wait", ["run": .string(id)])
    try host.notify("$/cancelRequest", ["id": wait == .integer(2) ? .integer(2) : .null])
    let error = #expect(throws: RPCError.self) { try host.answer(wait) }
    #expect(error?.code == -32800)
    #expect(try host.run(id)["status"] == "running")
  }

  @Test
  func `parameters may be given by place, and what nobody knows is named`() throws {
    let world = try World()
    let host = try world.host()
    let id = try host.start("script", "sleep 1000")
    #expect(try host.call("run/get", [.string(id)])["run"]?["id"]?.string == id)
    let error = #expect(throws: RPCError.self) { try host.call("run/get", ["run": .string(id), "colour": "red"]) }
    #expect(error?.code == -32602 && error?.message.contains("“colour”") == true)
    #expect(throws: RPCError.self) { try host.call("run/get", [.string(id), .integer(2)]) }
  }

  @Test
  func `runs are listed in pages, newest first`() throws {
    let world = try World()
    let host = try world.host()
    var ids: [String] = []
    for number in 0..<5 {
      let answer = try host.call(
        "run/start", ["plugin": "script", "prompt": .string(Stage.success), "labels": ["n": .string("\(number % 2)")]])
      ids.append(try #require(answer["run"]?["id"]?.string))
    }
    for id in ids { _ = try host.call("run/wait", ["run": .string(id), "until": "gone"]) }
    var seen: [String] = []
    var before: JSON = .null
    repeat {
      let page = try host.call("run/list", ["limit": .integer(2), "before": before])
      seen += page["runs"]?.array?.compactMap { $0["id"]?.string } ?? []
      before = page["next"] ?? .null
    } while before != .null
    #expect(seen == ids.reversed())
    let odd = try host.call("run/list", ["label": ["n": "1"]])["runs"]?.array?.compactMap { $0["id"]?.string }
    #expect(odd == [ids[3], ids[1]])
    #expect(try host.call("run/list", ["status": "running"])["runs"] == [])
    #expect(try host.call("run/list", ["plugin": "nobody"])["runs"] == [])
  }

  // What stands in docs/protocol.md below its heading “Methods” is made from the table that dispatches.
  @Test
  func `docs protocol is what the table says`() throws {
    let path = "\(Repository.path)/docs/protocol.md"
    let text = try contents(path)
    let mark =
      "<!-- From here on this file is made from the table of methods: REEVE_WRITE_DOCS=1 swift test --filter ProtocolTests -->\n"
    let written = try #require(text.range(of: mark), "the mark is missing")
    let wanted =
      String(text[..<written.upperBound]) + ProtocolDocument.text(of: Methods.document, errors: Methods.errors)
    if TestEnvironment.value("REEVE_WRITE_DOCS") != nil {
      let file = try Descriptor.open(path, flags: O_WRONLY | O_TRUNC)
      try file.writeAll(Array(wanted.utf8).span.bytes)
    } else {
      #expect(text == wanted, "docs/protocol.md is out of date: REEVE_WRITE_DOCS=1 swift test --filter ProtocolTests")
    }
  }
}

extension String {
  /// Where a text first stands in this one.
  fileprivate func range(of text: String) -> Range<String.Index>? { firstRange(of: text) }
}
