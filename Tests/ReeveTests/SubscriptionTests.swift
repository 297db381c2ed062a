import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// Events from one run to many, each once and in order.
@Suite(.tags(.large))
struct SubscriptionTests {
  /// Reads events off a connection without keeping them: what counts is that each number comes once, in order.
  private final class Counter {
    private(set) var next: Int64 = 1
    private(set) var wrong = 0
    private var outer = LineScanner(wanted: WantedMembers(["method", "params"]))
    private var inner = LineScanner(wanted: WantedMembers(["first", "events"]))
    private var event = LineScanner(wanted: WantedMembers(["n"]))
    private var splitter = LineSplitter(limit: 64 << 20)
    private let socket: Descriptor

    init(_ socket: consuming Descriptor) { self.socket = socket }

    func subscribe(to run: String) throws {
      let call = #"{"jsonrpc":"2.0","id":1,"method":"run/subscribe","params":{"run":"\#(run)"}}"# + "\n"
      try socket.writeAll(Array(call.utf8).span.bytes)
    }

    /// Takes one piece; false when nothing came in time.
    func take(within limit: TimeSpan, atMost bytes: Int = 256 * 1024) throws -> Bool {
      guard socket.isReadable(within: limit) else { return false }
      var piece = [UInt8](repeating: 0, count: bytes)
      guard case .bytes(let count) = try piece.withUnsafeMutableBytes({ try socket.read(into: $0) }) else {
        return false
      }
      splitter.feed(piece.span.bytes.extracting(first: count), line: { read($0) }, skipped: { _ in wrong += 1 })
      return true
    }

    private func read(_ line: RawSpan) {
      guard outer.scan(line) == .object, let method = outer.value(0), let params = outer.value(1),
        JSONString.equals(line, range: method, "run/appended")
      else { return }
      let content = line.extracting(params)
      guard inner.scan(content) == .object, let first = inner.value(0), let events = inner.value(1) else {
        wrong += 1
        return
      }
      if JSONScalar.integer(content, range: first) != next { wrong += 1 }
      JSONElements.forEach(content, range: events) { range in
        // The last one is the final word.
        let text = content.extracting(range)
        if event.scan(text) == .object, let n = event.value(0), JSONScalar.integer(text, range: n) != next {
          wrong += 1
        }
        next += 1
      }
    }
  }

  @Test
  func `a million events reach three subscribers, one of them slow, each once and in order`() throws {
    let world = try World()
    let count: Int64 = 1_000_000
    let host = try world.host()
    // 30 bytes each; python says them faster than a shell.
    let script = """
      import sys
      for first in range(1, \(count) + 1, 1000):
        sys.stdout.write("".join('{"type":"progress","n":%d}\\n' % n for n in range(first, first + 1000)))
      print('{"type":"result","status":"ok"}', flush=True)
      """
    try world.addPlugin("python", #"{"name":"python","version":"1","command":["python3","-c","{prompt}"]}"#)
    let id = try host.start("python", script)
    let counters = try (0..<3).map { _ in Counter(try host.connection()) }
    for counter in counters { try counter.subscribe(to: id) }
    var turn = 0
    var peak = 0
    while counters.contains(where: { $0.next <= count + 1 }) {
      turn += 1
      for (index, counter) in counters.enumerated() where counter.next <= count + 1 {
        // The slow one reads once for ten times that the others do, until they have all.
        let waits = counters[..<2].contains { $0.next <= count + 1 }
        if index == 2 && waits && turn % 10 != 0 { continue }
        let isSlowNow = index == 2 && waits
        let came = try counter.take(within: isSlowNow ? .zero : .seconds(60))
        #expect(came || isSlowNow, "subscriber \(index) hears nothing behind event \(counter.next - 1)")
        if !came && !isSlowNow { return }
      }
      if turn % 100 == 0 { peak = max(peak, try #require(try ProcessTable.stat(host.process.pid)).residentBytes) }
    }
    #expect(counters.map(\.wrong) == [0, 0, 0])
    #expect(counters.map(\.next) == [count + 2, count + 2, count + 2])
    try host.awaitRun(id, "it is not over") { $0["events"]?.integer == count + 1 && $0["status"] == "succeeded" }
    #expect(peak < 30 << 20, "\(peak >> 20) MiB")
    print("three subscribers had \(count) events each; the host took \(peak >> 20) MiB at most")
  }

  // The turn of a subscription is not forgotten over an answer.
  @Test
  func `a subscriber that also makes calls gets every event`() throws {
    let world = try World()
    let host = try world.host()
    let script = """
      import sys
      sys.stdout.write("".join('{"type":"progress","n":%d}\\n' % n for n in range(1, 300001)))
      print('{"type":"result","status":"ok"}', flush=True)
      """
    try world.addPlugin("python", #"{"name":"python","version":"1","command":["python3","-c","{prompt}"]}"#)
    let id = try host.start("python", script)
    try host.awaitRun(id, "it is not over") { $0["disposal"] == "gone" }
    // Where the call comes decides whether the host has just written all that it had.
    for early in stride(from: 25_000, through: 500_000, by: 25_000) {
      let socket = try host.connection()
      let copy = try socket.duplicate()
      let counter = Counter(socket)
      try counter.subscribe(to: id)
      for _ in 0..<early / 5000 { _ = try counter.take(within: .seconds(60), atMost: 5000) }
      let call = #"{"jsonrpc":"2.0","id":2,"method":"host/status"}"# + "\n"
      try copy.writeAll(Array(call.utf8).span.bytes)
      while counter.next <= 300_001, try counter.take(within: .seconds(20)) {}
      try #require(counter.wrong == 0 && counter.next == 300_002, "after a call behind \(early) bytes")
    }
  }

  /// How much may stand before the answer: what the socket holds, and what the host keeps of events at most.
  private static let mostBeforeAnswer = 640 * 1024

  // Otherwise its answer would come behind all that the host was ready to send, and behind what it made meanwhile.
  @Test
  func `who calls while events wait to be read is heard before they are`() throws {
    let world = try World()
    let host = try world.host()
    let id = try host.start("script", "yes '{\"type\":\"progress\",\"n\":1}' | head -c 8000000; echo; \(Stage.success)")
    try host.awaitRun(id, "it is not over") { $0["disposal"] == "gone" }
    let socket = try host.connection()
    func say(_ call: String) throws { try socket.writeAll(Array((call + "\n").utf8).span.bytes) }
    // Several times, as if to several runs: each has its turn.
    for call in 1...8 {
      try say(#"{"jsonrpc":"2.0","id":\#(call),"method":"run/subscribe","params":{"run":"\#(id)"}}"#)
    }
    // Until there is no room for more.
    var waiting = -1
    try eventually("the host goes on for ever") {
      let before = waiting
      waiting = try socket.bytesWaiting()
      usleep(200_000)
      return waiting > 0 && waiting == before
    }
    try say(#"{"jsonrpc":"2.0","id":99,"method":"host/status"}"#)
    usleep(200_000)
    var read: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    let answer = Array(#""id":99,"#.utf8)
    while !read.suffix(2 * piece.count).contains(answer), read.count < 4_000_000,
      socket.isReadable(within: .seconds(60))
    {
      guard case .bytes(let count) = try piece.withUnsafeMutableBytes({ try socket.read(into: $0) }) else { break }
      read += piece.prefix(count)
    }
    #expect(read.contains(answer) && read.count < Self.mostBeforeAnswer, "it came behind \(read.count) bytes")
  }

  // What is over costs no place, and no descriptor.
  @Test
  func `more runs than a client may follow at once are followed one after the other`() throws {
    let world = try World()
    let host = try world.host()
    for _ in 0..<260 {
      let started = try host.call(
        "run/start", ["plugin": "script", "prompt": .string(Stage.success), "subscribe": true])
      let id = try #require(started["run"]?["id"])
      #expect(try host.call("run/wait", ["run": id, "until": "gone"])["done"] == true)
    }
    try eventually("the host keeps descriptors") {
      try Directory.open("/proc/\(host.process.pid)/fd", following: true).entries().count < 60
    }
  }

  @Test
  func `events are passed on byte for byte`() throws {
    let world = try World()
    let host = try world.host()
    let odd = #"{"type":"progress","a":1.0,"b":12345678901234567890123,"c":"é\/","b":2, "d" : [ ] }"#
    let id = try host.start("script", "echo '\(odd)'; \(Stage.success)")
    try host.awaitRun(id, "it is not over") { $0["disposal"] == "gone" }
    let socket = try host.connection()
    for call in ["run/subscribe", "run/events"] {
      let text = #"{"jsonrpc":"2.0","id":1,"method":"\#(call)","params":{"run":"\#(id)"}}"# + "\n"
      try socket.writeAll(Array(text.utf8).span.bytes)
      var said = ""
      try eventually("\(call) does not bring it") {
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        if socket.isReadable(within: .milliseconds(10)),
          case .bytes(let count) = try piece.withUnsafeMutableBytes({ try socket.read(into: $0) })
        {
          said += String(decoding: piece[..<count], as: UTF8.self)
        }
        return said.contains(odd)
      }
    }
  }

  // What the host has just seen to be JSON it does not look at again: all else is still told apart.
  @Test
  func `who follows a run from its beginning gets what is no JSON as text, wherever it stands`() throws {
    let world = try World()
    let host = try world.host()
    let lines = [#"{"n":1}"#, "no JSON", #"{"n":3}"#, #"{"n":4"#, "5", #"{"n":6}"#]
    let script = "sleep 0.2; " + lines.map { "echo '\($0)'; sleep 0.05; " }.joined() + Stage.success
    let started = try host.call("run/start", ["plugin": "script", "prompt": .string(script), "subscribe": true])
    #expect(started["run"]?["status"] == "running")
    var events: [JSON] = []
    while events.count < lines.count { events += try host.notification("run/appended")["events"]?.array ?? [] }
    let texts: [JSON] = [1, 3].map { ["type": "reeve.text", "text": .string(lines[$0])] }
    #expect(
      events.prefix(6) == [["n": .integer(1)], texts[0], ["n": .integer(3)], texts[1], .integer(5), ["n": .integer(6)]])
  }

  // The transcript ends in the middle of a line that the host has read whole.
  @Test
  func `half a line at the output limit is told as text, though the host has seen all of it`() throws {
    let world = try World()
    let host = try world.host()
    let line = #"{"type":"progress","n":100}"#
    let started = try host.call(
      "run/start",
      [
        "plugin": "script", "prompt": .string("sleep 0.2; yes '\(line)' | head -n 200"), "subscribe": true,
        "limits": ["output": "1000B"],
      ])
    let id = try #require(started["run"]?["id"]?.string)
    let run = try host.awaitRun(id, "it is not over") { $0["disposal"] == "gone" }
    #expect(run["reason"] == "output_limit")
    var events: [JSON] = []
    while events.count < 36 { events += try host.notification("run/appended")["events"]?.array ?? [] }
    let whole = 1000 / (line.utf8.count + 1)
    #expect(events.prefix(whole).allSatisfy { $0["n"]?.integer == 100 })
    #expect(events[whole]["type"] == "reeve.text", "\(events[whole])")
  }

  @Test
  func `a client comes back and goes on from any event`() throws {
    let world = try World()
    let host = try world.host()
    let id = try host.start("script", "for i in 1 2 3 4 5; do echo '{\"n\":'$i'}'; done; \(Stage.success)")
    try host.awaitRun(id, "it is not over") { $0["disposal"] == "gone" }
    for after: Int64 in [0, 3, 6] {
      let client = try host.another()
      _ = try client.call("run/subscribe", ["run": .string(id), "after": .integer(after)])
      if after < 6 {
        let appended = try client.notification("run/appended")
        #expect(appended["first"]?.integer == after + 1)
        #expect(appended["events"]?.array?.count == Int(6 - after))
      }
      #expect(try client.notification("run/changed")["run"]?["status"] == "succeeded")
    }
  }

  @Test
  func `events come in pages, of which each tells the next`() throws {
    let world = try World()
    let host = try world.host()
    let script = """
      for i in 1 2 3 4 5; do echo '{"n":'$i'}'; done
      echo not JSON
      line=$(head -c 1500000 /dev/zero | tr '\\0' x); echo '{"long":"'$line'"}'
      \(Stage.success)
      """
    let id = try host.start("script", script)
    try host.awaitRun(id, "it is not over") { $0["disposal"] == "gone" }
    var numbers: [Int64] = []
    var pages = 0
    var after: JSON = .integer(0)
    repeat {
      let page = try host.call("run/events", ["run": .string(id), "after": after, "limit": .integer(3)])
      numbers += page["events"]?.array?.compactMap { $0["n"]?.integer } ?? []
      #expect(page["end"]?.integer == 8)
      // An event that no notification has room for is here.
      for event in page["events"]?.array ?? [] where event["n"]?.integer == 7 {
        #expect(event["event"]?["long"]?.string?.utf8.count == 1_500_000)
      }
      after = page["next"] ?? .null
      pages += 1
    } while after != .null
    #expect(numbers == Array(1...8) && pages == 4)
    _ = try host.call("run/subscribe", ["run": .string(id), "after": .integer(5)])
    var events: [JSON] = []
    while events.count < 3 { events += try host.notification("run/appended")["events"]?.array ?? [] }
    #expect(events[0] == ["type": "reeve.text", "text": "not JSON"])
    #expect(events[1]["type"] == "reeve.skipped" && events[1]["bytes"]?.integer == 1_500_011)
  }

  @Test
  func `a run of another host is followed, waited for and cancelled as if it were one's own`() throws {
    let world = try World()
    let (owner, other) = (try world.host(), try world.host())
    let id = try owner.start(
      "script", "echo '{\"n\":1}'; while [ ! -e go ]; do sleep 0.05; done; echo '{\"n\":2}'; \(Stage.success)")
    #expect(try other.call("run/subscribe", ["run": .string(id)])["subscription"]?.string == "s1")
    #expect(try other.notification("run/appended")["first"]?.integer == 1)
    let wait = try other.send("run/wait", ["run": .string(id)])
    let short = try other.call("run/wait", ["run": .string(id), "timeout": "10ms"])
    #expect(short["done"] == false && short["run"]?["status"] == "running")
    try world.folder.write("go", "")
    #expect(try other.answer(wait)["run"]?["status"] == "succeeded")
    #expect(try other.notification("run/appended")["first"]?.integer == 2)
    try eventually("the end is not told") { try other.notification("run/changed")["run"]?["disposal"] == "gone" }
    let second = try owner.start("script", "sleep 1000")
    let gone = try other.call("run/cancel", ["run": .string(second), "wait": "gone", "urgency": "now"])
    #expect(gone["cancelled"] == true && gone["run"]?["disposal"] == "gone" && gone["survivors"] == [])
    try owner.end()
    try other.end()
  }

  @Test
  func `who follows or waits for a run of a host that dies hears how it ended`() throws {
    let world = try World()
    let (owner, other) = (try world.host(), try world.host())
    let id = try owner.start("script", "echo '{\"n\":1}'; sleep 1000")
    _ = try other.call("run/subscribe", ["run": .string(id)])
    #expect(try other.notification("run/appended")["first"]?.integer == 1)
    let wait = try other.send("run/wait", ["run": .string(id)])
    owner.process.signal(SIGKILL)
    try owner.process.wait()
    let waited = try other.answer(wait)
    #expect(waited["done"] == true && waited["run"]?["status"] == "lost")
    try eventually("the end is not told") { try other.notification("run/changed")["run"]?["status"] == "lost" }
    try other.end()
    try world.expectInvariants("after the owner died")
  }
}
