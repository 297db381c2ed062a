import Glibc
import Model
import Support
import Testing

/// The examples in docs/clients.
@Suite(.tags(.large))
struct ClientTests {
  enum Client: String, CaseIterable, CustomTestStringConvertible {
    case python = "python.py"
    case node = "node.mjs"
    case shell = "shell.sh"

    var testDescription: String { rawValue }

    /// What runs it.
    var interpreter: String {
      switch self {
      case .python: "python3"
      case .node: "node"
      case .shell: "bash"
      }
    }
  }

  /// A client that runs a shell script; nil, loudly, where its interpreter is not installed.
  private func start(_ client: Client, _ script: String, in world: World) throws -> Child? {
    guard let program = world.installed(client.interpreter) else {
      skip("\(client.interpreter) is not installed: docs/clients/\(client.rawValue)")
      return nil
    }
    world.environment["REEVE"] = try Repository.program("reeve")
    world.environment["LANG"] = "C.UTF-8"
    return try Child(
      program, ["\(Repository.path)/docs/clients/\(client.rawValue)", "script", script],
      environment: world.environment, directory: world.folder.path)
  }

  @Test(arguments: Client.allCases)
  func `a client prints the words as they come`(client: Client) throws {
    let world = try World()
    let script = #"""
      printf '%s\n' '{"type":"text","text":"h\u00e9 \"x\" \\n \ud83d\ude00, "}'
      while [ ! -e go ]; do sleep 0.05; done
      printf '%s\n' '{"type":"text","text":"wörld\n"}' '{"type":"tool","name":"text","state":"started"}'
      echo '{"type":"result","status":"ok"}'
      """#
    guard let child = try start(client, script, in: world) else { return }
    let first = #"hé "x" \n 😀, "#
    try eventually("nothing is streamed: \(child.output) \(child.errors)") {
      child.output == first || child.poll() != nil
    }
    #expect(try world.run().status == .running, "\(child.errors)")
    try world.folder.write("go", "")
    #expect(try child.wait() == .code(0), "\(child.errors)")
    #expect(child.output == first + "wörld\n\n")
    try world.expectInvariants(client.rawValue)
  }

  @Test(arguments: Client.allCases)
  func `a client prints an answer that was not streamed`(client: Client) throws {
    let world = try World()
    let script = #"echo '{"type":"result","status":"ok","output":"all at once"}'"#
    guard let child = try start(client, script, in: world) else { return }
    #expect(try child.wait() == .code(0), "\(child.errors)")
    #expect(child.output == "all at once\n")
  }

  @Test(
    arguments: Client.allCases, [#"echo '{"type":"result","status":"error","error":"why"}'"#, "kill -9 $PPID; wait"])
  func `a client of a run that fails, or of a host that dies, ends with 1`(client: Client, script: String) throws {
    let world = try World()
    guard let child = try start(client, script, in: world) else { return }
    #expect(try child.wait() == .code(1), "\(child.errors)")
    try world.awaitRecovery(client.rawValue)
    try world.expectInvariants(client.rawValue)
  }

  @Test(arguments: Client.allCases)
  func `an interrupted client cancels its run`(client: Client) throws {
    let world = try World()
    guard let child = try start(client, "touch begun; sleep 1000", in: world) else { return }
    try eventually("it does not begin: \(child.errors)") { world.has("begun") || child.poll() != nil }
    child.signal(SIGINT)
    #expect(try child.wait() == .code(1), "\(child.errors)")
    let run = try world.awaitRun("it is not over") { $0.status.isTerminal }
    #expect(run.status == .cancelled && run.reason == "client")
    try world.expectInvariants(client.rawValue)
  }
}
