import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// The user's background host, and the commands that find it.
@Suite(.tags(.large))
struct BackgroundTests {
  private let forever = "while :; do sleep 1; done"

  /// A world whose background host leaves with the test.
  private func inBackground(_ body: (World) throws -> Void) throws {
    let world = try World()
    defer { end(world) }
    try body(world)
  }

  /// Ends the background host, if there is one, and waits until it has gone.
  private func end(_ world: World) {
    guard let status = try? status(world), let pid = status["pid"]?.integer else { return }
    _ = try? world.call("call", "host/drain", #"{"timeout":"0s"}"#)
    try? eventually("the background host does not end") { !isAlive(pid_t(pid)) }
  }

  /// How it stands with the background host; nil when there is none, and none is started to be asked.
  private func status(_ world: World) throws -> JSON? {
    guard let host = try FileLock.note(in: try Directory.open("\(world.state)/hosts"), name: "background.lock") else {
      return nil
    }
    let socket = try UnixSocket.connect(in: try Directory.open("\(world.state)/hosts"), name: "\(host).sock")
    return try Client(at: socket.intoDescriptor()) { "" }.call("host/status")
  }

  private func connect(_ world: World) throws -> Client {
    let socket = try UnixSocket.connect(in: try Directory.open("\(world.state)/hosts"), name: "reeve.sock")
    return try Client(at: socket.intoDescriptor()) { "" }
  }

  @Test
  func `twenty that need it at once start it once`() throws {
    try inBackground { world in
      let starters = try (0..<20).map { _ in try world.reeve("call", "host/status") }
      var hosts: Set<String> = []
      for starter in starters {
        #expect(try starter.wait() == .code(0), "\(starter.errors)")
        hosts.insert(try #require(try JSON.parse(starter.output)["host"]?.string))
      }
      #expect(hosts.count == 1)
      // Nobody else has stayed.
      let locks = try Directory.open("\(world.state)/hosts").entries().filter { $0.hasSuffix(".lock") }
      #expect(Set(locks) == [try #require(hosts.first) + ".lock", "background.lock"])
    }
  }

  @Test
  func `a run that is detached works in its caller's directory and environment, and outlives its caller`() throws {
    try inBackground { world in
      let directory = try TemporaryDirectory()
      try world.addPlugin(
        "who",
        #"""
        {"name":"who","version":"1","env":{"pass":["COLOUR"]},"command":["/bin/sh","-c",
         "echo '{\"type\":\"result\",\"status\":\"ok\",\"output\":\"'$COLOUR $PWD'\"}'"]}
        """#)
      var ids: [String: String] = [:]
      for colour in ["red", "blue"] {
        world.environment["COLOUR"] = colour
        let caller = try Child(
          Repository.program("reeve"), ["run", "--detach", "who"], environment: world.environment,
          directory: colour == "red" ? directory.path : world.folder.path)
        #expect(try caller.wait() == .code(0), "\(caller.errors)")
        ids[colour] = caller.output.trimmed
      }
      for (colour, id) in ids {
        let waited = try world.call("wait", "--json", id)
        #expect(waited.code == .code(0), "\(waited.errors)")
        let place = colour == "red" ? directory.path : world.folder.path
        #expect(try JSON.parse(waited.output)["output"]?.string == "\(colour) \(place)")
      }
      // Both in the one host.
      #expect(Set(try world.runs().map(\.host)).count == 1)
    }
  }

  @Test
  func `it survives the death of any client, and what was started there goes on`() throws {
    try inBackground { world in
      let id = try world.call("run", "--detach", "script", forever).output.trimmed
      let attached = try Child(
        "/bin/sh",
        [
          "-c", "(echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"host/status\"}'; sleep 100) | \"$0\" attach",
          Repository.program("reeve"),
        ],
        environment: world.environment, directory: world.folder.path)
      try eventually("attach does not answer") { attached.output.contains("\"clients\"") }
      for process in try ProcessTable.members(ofSession: attached.pid) { kill(process.pid, SIGKILL) }
      let waiting = try world.reeve("wait", id)
      try eventually("nobody waits") { try status(world)?["clients"]?.integer == 2 }
      waiting.signal(SIGKILL)
      try eventually("a dead client is still counted") { try status(world)?["clients"]?.integer == 1 }
      #expect(try world.run().status == .running)
      #expect(try world.call("cancel", id).code == .code(0))
      #expect(try world.call("wait", id).code == .code(130))
    }
  }

  @Test
  func `it leaves when there is nothing to do and nobody there, and the next caller finds another`() throws {
    let world = try World()
    let serving = try world.reeve("serve", "--socket", "--idle", "2s")
    try eventually("it does not listen") { serving.output.hasSuffix("\n") }
    let first = try JSON.parse(serving.output)["host"]?.string
    // Somebody there, and then something to do, keep it.
    let client = try connect(world)
    let id = try client.call(
      "run/start",
      [
        "plugin": "script", "cwd": "/",
        "prompt": .string("while [ ! -e \(world.path("go")) ]; do sleep 0.05; done; \(Stage.success)"),
      ])
    client.vanish()
    try eventually("the client is still there") { try status(world)?["clients"]?.integer == 1 }
    let again = try connect(world)
    #expect(try again.run(try #require(id["run"]?["id"]?.string))["status"] == "running")
    try world.folder.write("go", "")
    again.vanish()
    #expect(try serving.wait() == .code(0), "\(serving.errors)")
    try world.expectInvariants("after an idle host")
    let next = try JSON.parse(try world.call("call", "host/status").output)
    #expect(next["host"]?.string != first)
    end(world)
  }

  // It takes no new work, and all that it has can still be cancelled, followed and waited for.
  @Test
  func `one that drains is still reached by who has to do with its runs, and another takes the new ones`() throws {
    let world = try World()
    let id = try world.call("run", "-d", "script", forever).output.trimmed
    let first = try #require(try status(world)?["pid"]?.integer)
    #expect(try world.call("call", "host/drain", #"{"timeout":"1h"}"#).code == .code(0))
    let next = try world.call("run", "-d", "script", Stage.success)
    #expect(next.code == .code(0), "\(next.errors)")
    #expect(Set(try world.runs().map(\.host)).count == 2)
    let waiting = try world.reeve("wait", id)
    #expect(try world.call("cancel", id).output.contains("cancelled"))
    #expect(try waiting.wait() == .code(130))
    try eventually("it does not leave when it has nothing left") { !isAlive(pid_t(first)) }
    end(world)
    try world.expectInvariants("after a drain")
  }

  @Test
  func `none is started inside a run, with which it would end`() throws {
    let world = try World()
    let inside =
      "REEVE_STATE=\(world.state) \(try Repository.program("reeve")) call host/status 2> said; echo $? >> said; \(Stage.success)"
    #expect(try world.call("run", "script", inside).code == .code(0))
    let said = try contents(world.path("said"))
    #expect(said.contains("inside a run") && said.hasSuffix("3\n"), "\(said)")
    #expect(try status(world) == nil)
  }

  @Test
  func `a second one is refused, and says so`() throws {
    try inBackground { world in
      _ = try world.call("call", "host/status")
      let second = try world.call("serve", "--socket")
      #expect(second.code == .code(3) && second.errors.contains("there is a background host already"))
    }
  }

  @Test
  func `another user is refused by the file, and if not by that by the host`() throws {
    if let obstacle = TestUser.obstacle { return skip("\(obstacle): a second user at the background host") }
    try inBackground { world in
      _ = try world.call("call", "host/status")
      let socket = "\(world.state)/hosts/reeve.sock"
      let script = """
        import socket, sys
        s = socket.socket(socket.AF_UNIX)
        try: s.connect(sys.argv[1])
        except PermissionError: print("refused"); sys.exit()
        try:
          s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"host/status"}\\n')
          print(len(s.recv(100)))
        except (BrokenPipeError, ConnectionResetError): print(0)
        """
      func attempt() throws -> String {
        let other = try Child(
          TestUser.prefix[0], TestUser.prefix.dropFirst() + ["python3", "-c", script, socket],
          environment: ["PATH": "/usr/bin:/bin"])
        try other.wait()
        return other.output.trimmed + other.errors
      }
      #expect(try attempt() == "refused")
      for path in [world.folder.path, world.state, "\(world.state)/hosts"] { chmod(path, 0o755) }
      chmod(socket, 0o666)
      #expect(try attempt() == "0")
      for path in ["\(world.state)/hosts", world.state] { chmod(path, 0o700) }
      #expect(try status(world)?["ledger"] == "ok")
    }
  }

  @Test
  func `a client says whose work it brings, or must name the directory`() throws {
    try inBackground { world in
      _ = try world.call("call", "host/status")
      let client = try connect(world)
      let error = #expect(throws: RPCError.self) { try client.start("script", "true") }
      #expect(error?.code == -32602 && error?.message.contains("cwd") == true)
      _ = try client.call("initialize", ["cwd": "/usr", "environment": ["PATH": "/usr/bin:/bin"]])
      let id = try client.start("script", Stage.success)
      #expect(try client.run(id)["cwd"] == "/usr")
    }
  }

  @Test
  func `on a socket a client chooses what becomes of its runs, and shutdown is its own affair`() throws {
    try inBackground { world in
      _ = try world.call("call", "host/status")
      let client = try connect(world)
      _ = try client.call("initialize", ["cwd": "/", "environment": ["PATH": "/usr/bin:/bin"]])
      var ids: [String] = []
      for choice in ["cancel", "keep"] {
        let answer = try client.call(
          "run/start", ["plugin": "script", "prompt": .string(forever), "on_disconnect": .string(choice)])
        ids.append(try #require(answer["run"]?["id"]?.string))
      }
      #expect(try client.call("shutdown") == .null)
      let error = #expect(throws: RPCError.self) { try client.start("script", "true") }
      #expect(error?.code == 1007)
      try client.notify("exit")
      try client.awaitHangUp()
      let other = try connect(world)
      try other.awaitRun(ids[0], "it is not cancelled") { $0["reason"] == "disconnect" }
      #expect(try other.run(ids[1])["status"] == "running")
      #expect(try other.call("host/status")["draining"] == false)
    }
  }

  @Test
  func `a socket that was handed down, as by systemd, is served`() throws {
    let world = try World()
    let script = """
      import os, socket, sys
      s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[2]); s.listen()
      os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
      os.environ["LISTEN_FDS"] = "1"; os.environ["LISTEN_PID"] = str(os.getpid())
      os.execv(sys.argv[1], ["reeve", "serve", "--socket", "--idle", "3s"])
      """
    let path = world.path("handed.sock")
    let serving = try Child(
      "/usr/bin/python3", ["-c", script, try Repository.program("reeve"), path], environment: world.environment)
    try eventually("it does not listen: \(serving.errors)") { serving.output.hasSuffix("\n") }
    let socket = try UnixSocket.connect(in: try Directory.open(world.folder.path), name: "handed.sock")
    let client = try Client(at: socket.intoDescriptor()) { serving.errors }
    #expect(try client.call("host/status")["clients"]?.integer == 1)
    client.vanish()
    #expect(try serving.wait() == .code(0), "\(serving.errors)")
    // It is not ours to remove.
    #expect(access(path, F_OK) == 0)
  }

  @Test
  func `reeve call prints the result, or the error and exits otherwise`() throws {
    try inBackground { world in
      let list = try world.call("call", "run/list", #"{"limit":1}"#)
      #expect(list.code == .code(0) && list.output == "{\"runs\":[]}\n")
      let unknown = try world.call("call", "no/method")
      #expect(unknown.code == .code(2) && unknown.output.contains("-32601"))
      #expect(try world.call("call", "run/list", "{").code == .code(2))
      let none = try world.call("call", "run/get", #"{"run":"01m7z68baqfrxjes40fd1dxbj4"}"#)
      #expect(none.code == .code(2) && none.errors.contains("there is no run"))
    }
  }

  @Test
  func `reeve wait exits as the run did, also when its host dies, and gives up when told to`() throws {
    try inBackground { world in
      let id = try world.call("run", "-d", "script", forever).output.trimmed
      let short = try world.call("wait", "--timeout", "50ms", id)
      #expect(short.code == .code(3) && short.errors.contains("still running"))
      let waiting = try world.reeve("wait", "--for", "gone", "--json", id)
      try eventually("nobody waits") { try status(world)?["clients"]?.integer == 2 }
      let pid = try #require(try status(world)?["pid"]?.integer)
      kill(pid_t(pid), SIGKILL)
      // Nobody knows how the work went.
      #expect(try waiting.wait() == .code(3))
      #expect(try JSON.parse(waiting.output)["status"] == "lost", "\(waiting.errors)")
      try world.expectInvariants("after a killed background host")
    }
  }
}

extension String {
  fileprivate var trimmed: String { split(whereSeparator: \.isWhitespace).joined(separator: " ") }
}
