import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// Clients that misbehave: each gets its error or is dropped, the others go on being answered, no run is slowed, and the
/// host takes no more memory for it.
@Suite(.tags(.large))
struct HostileClientTests {
  /// What a host may grow by, whatever its clients do. A message may have 16 MiB, and is copied as it grows.
  private static let room = 80 << 20

  private func residentBytes(_ host: TestHost) throws -> Int {
    try #require(try ProcessTable.stat(host.process.pid)).residentBytes
  }

  /// Has a client misbehave while a run talks on and another client asks; afterwards all is as it was.
  private func whileAllGoesOn(_ misbehave: (TestHost, Client) throws -> Void) throws {
    let world = try World()
    let host = try world.host()
    let before = try residentBytes(host)
    let script = """
      i=0; while [ ! -e go ]; do i=$((i+1)); echo '{"type":"progress","message":"'$i'"}'; sleep 0.01; done
      \(Stage.success)
      """
    let id = try host.start("script", script)
    try host.awaitRun(id, "it says nothing") { $0["events"]?.integer ?? 0 > 0 }
    let client = try host.another()
    try misbehave(host, client)
    let events = try #require(try host.run(id)["events"]?.integer)
    try host.awaitRun(id, "the run was held up") { $0["events"]?.integer ?? 0 > events }
    #expect(try residentBytes(host) - before < Self.room)
    try world.folder.write("go", "")
    try host.awaitRun(id, "it does not end") { $0["status"] == "succeeded" }
    client.vanish()
    try eventually("the client is still counted") { try host.call("host/status")["clients"]?.integer == 1 }
    try host.end()
  }

  @Test
  func `one that never reads is not read from any more, and let go when it leaves`() throws {
    try whileAllGoesOn { host, client in
      try client.neverBlock()
      let call = Array(#"{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}"#.utf8) + [0x0A]
      // Until its own pipe is full: the host has stopped reading.
      let calls = Array(repeating: call, count: 1000).flatMap { $0 }
      try eventually("it can say as much as it likes") { try client.offer(calls) == 0 }
      #expect(try host.call("host/status")["clients"]?.integer == 2)
    }
  }

  @Test
  func `six that ask for much and never read cost what one does`() throws {
    try whileAllGoesOn { host, client in
      let line = "line=$(head -c 700000 /dev/zero | tr '\\0' x); for i in 1 2 3; do echo '{\"a\":\"'$line'\"}'; done"
      let id = try host.start("script", "\(line); \(Stage.success)")
      try host.awaitRun(id, "it is not over") { $0["disposal"] == "gone" }
      let clients = try (0..<6).map { _ in try host.another() }
      for greedy in clients {
        for number in 0..<280 {
          try greedy.write(#"{"jsonrpc":"2.0","id":\#(number),"method":"run/events","params":{"run":"\#(id)"}}"# + "\n")
        }
      }
      for greedy in clients { #expect(greedy.awaitInput()) }
      // As long as it takes to answer somebody else a few times.
      for _ in 0..<20 { #expect(try client.call("run/list", ["limit": .integer(1)])["runs"]?.array?.count == 1) }
      for greedy in clients { greedy.vanish() }
      try eventually("they are still counted") { try host.call("host/status")["clients"]?.integer == 2 }
    }
  }

  @Test
  func `one that vanishes in the middle of a message is forgotten`() throws {
    try whileAllGoesOn { host, client in
      for beginning in [#"{"jsonrpc":"2.0","id":1,"meth"#, "Content-Len", "Content-Length: 100\r\n\r\n{"] {
        let another = try host.another()
        try another.write(beginning)
        another.vanish()
      }
      try eventually("they are still counted") { try host.call("host/status")["clients"]?.integer == 2 }
    }
  }

  @Test(arguments: [Framing.lines, .headers])
  func `one that sends a hundred megabytes in one message is told, and goes on`(framing: Framing) throws {
    try whileAllGoesOn { host, client in
      let size = 100 << 20
      if framing == .headers { try client.write("Content-Length: \(size)\r\n\r\n") }
      let piece = [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)
      for _ in 0..<100 { try client.write(piece) }
      if framing == .lines { try client.write("\n") }
      let refusal = try client.message("its refusal") { if case .failure(.null, _) = $0 { true } else { false } }
      guard case .failure(_, let error) = refusal else { return }
      #expect(error.code == -32600 && error.data?["size"]?.integer == Int64(size))
      #expect(try client.call("host/status")["ledger"] == "ok")
    }
  }

  @Test
  func `one with ten thousand calls that wait is told from the thousand and twenty-fifth on`() throws {
    try whileAllGoesOn { host, client in
      let id = try client.start("script", "sleep 1000")
      var calls: [UInt8] = []
      for number in 1...10_000 {
        calls +=
          Array(#"{"jsonrpc":"2.0","id":"w\#(number)","method":"run/wait","params":{"run":"\#(id)"}}"#.utf8) + [0x0A]
      }
      // Who only wrote would not be read from any more.
      try client.neverBlock()
      var rest = calls[...]
      try eventually("not all are refused") {
        while client.awaitInput(within: .zero) { try client.receive(until: Clock.now() + .seconds(10)) }
        rest = try rest.dropFirst(client.offer(Array(rest.prefix(1 << 16))))
        return rest.isEmpty && client.messages.count >= 10_000 - 1024
      }
      for case .failure(_, let error) in client.messages { #expect(error.code == 1017) }
      #expect(client.messages.count == 10_000 - 1024)
      #expect(try host.call("run/cancel", ["run": .string(id), "urgency": "now"])["cancelled"] == true)
      // Now those that waited are answered.
      try eventually("not all are answered") {
        if client.awaitInput(within: .milliseconds(10)) { try client.receive(until: Clock.now() + .seconds(10)) }
        return client.messages.count == 10_000
      }
    }
  }

  @Test
  func `one with a header that makes no sense is told, and let go`() throws {
    try whileAllGoesOn { host, client in
      try client.write("Content-Length: many\r\n\r\n{}")
      let refusal = try client.message("its refusal") { if case .failure(.null, _) = $0 { true } else { false } }
      guard case .failure(_, let error) = refusal else { return }
      #expect(error.code == -32700)
      try client.awaitHangUp()
    }
  }

  @Test
  func `one whose length is wrong is told what it made of the messages, and let go when they cannot be told apart`()
    throws
  {
    try whileAllGoesOn { host, client in
      let call = #"{"jsonrpc":"2.0","id":1,"method":"host/status"}"#
      try client.write("Content-Length: \(call.utf8.count - 3)\r\n\r\n\(call)Content-Length: 2\r\n\r\n{}")
      let first = try client.message("its refusal") { if case .failure(.null, _) = $0 { true } else { false } }
      guard case .failure(_, let error) = first else { return }
      #expect(error.code == -32700)
    }
  }

  @Test
  func `one that uses an id twice hears of it, and the first call is answered`() throws {
    try whileAllGoesOn { host, client in
      let id = try client.start("script", "sleep 1000")
      let call = #"{"jsonrpc":"2.0","id":"twice","method":"run/wait","params":{"run":"\#(id)"}}"# + "\n"
      try client.write(call + call)
      let refusal = try client.message("its refusal") { if case .failure(.null, _) = $0 { true } else { false } }
      guard case .failure(_, let error) = refusal else { return }
      #expect(error.code == -32600)
      _ = try host.call("run/cancel", ["run": .string(id), "urgency": "now"])
      _ = try client.message("the answer") { if case .success(.string("twice"), _) = $0 { true } else { false } }
    }
  }

  @Test
  func `one with more subscriptions than anybody needs is told`() throws {
    try whileAllGoesOn { host, client in
      let id = try client.start("script", "sleep 1000")
      for _ in 0..<256 { _ = try client.call("run/subscribe", ["run": .string(id)]) }
      let error = #expect(throws: RPCError.self) { try client.call("run/subscribe", ["run": .string(id)]) }
      #expect(error?.code == 1018 && error?.data?["limit"]?.integer == 256)
      #expect(try client.call("run/unsubscribe", ["subscription": "s7"])["unsubscribed"] == true)
      _ = try client.call("run/subscribe", ["run": .string(id)])
      _ = try host.call("run/cancel", ["run": .string(id), "urgency": "now"])
    }
  }
}
