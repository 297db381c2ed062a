import Glibc
import Host
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// What a client is sent: all of it, once, and at a bounded cost.
@Suite(.tags(.large))
struct SessionTests {
  @Test
  func `more labels or variables than a run can have are refused at once`() throws {
    let world = try World()
    let host = try world.host()
    func refusal(_ name: String, _ texts: JSONObject) throws -> String {
      do {
        _ = try host.call("run/start", ["plugin": "echo", "prompt": "hi", name: .object(texts)])
        return ""
      } catch let error as RPCError {
        #expect(error.code == -32602)
        return error.message
      }
    }
    var labels: JSONObject = [:]
    for number in 0..<64 { labels["l\(number)"] = "x" }
    #expect(try refusal("labels", labels) == "")
    labels["one more"] = "x"
    #expect(try refusal("labels", labels) == "“labels” has 65 members; at most 64")
    let long = JSON.string(String(repeating: "x", count: 3 << 20))
    #expect(try refusal("labels", ["long": long]).contains("at most 16384"))
    #expect(try refusal("env", ["LONG": long]).contains("at most 2097152"))
  }

  @Test
  func `a long text is cut between two characters`() throws {
    let world = try World()
    let host = try world.host()
    // The byte at which it is cut lies in the middle of one.
    let text = "x" + String(repeating: "é", count: 8192)
    let id = try host.start("script", #"echo '{"type":"result","status":"ok","output":"\#(text)"}'"#)
    try host.awaitRun(id, "it is not over") { $0["status"]?.string == "succeeded" }
    let excerpt = try host.call("run/cancel", ["run": .string(id)])["run"]
    #expect(excerpt?["truncated"] == true)
    #expect(excerpt?["text"]?.string == "x" + String(repeating: "é", count: 8191))
    #expect(try host.run(id)["text"]?.string == text)
  }

  @Test
  func `a batch is answered by one array`() throws {
    let world = try World()
    let host = try world.host()
    let calls = try host.sendBatch([("host/status", [:]), ("run/get", ["run": "?"]), ("no/method", [:])])
    #expect(try host.answer(calls[0])["version"]?.string == "0.1.0")
    for call in calls.dropFirst() { #expect(throws: RPCError.self) { try host.answer(call) } }
  }

  @Test
  func `a batch whose answers are too much for one client is not gathered to its end`() throws {
    let world = try World()
    let host = try world.host()
    let script = """
      text=$(head -c 500000 /dev/zero | tr '\\0' x)
      echo '{"type":"result","status":"ok","output":"'$text'"}'
      sleep 1000
      """
    let id = try host.start("script", script, limits: ["leave": "1h"])
    try host.awaitRun(id, "it is not over") { $0["status"]?.string == "succeeded" }
    _ = try host.sendBatch(Array(repeating: ("run/get", ["run": .string(id)]), count: 1000))
    try host.awaitHangUp()
    // Of the 500 MB that it would be.
    #expect(try peakBytes(host) < 250 << 20)
    #expect(isAlive(host.process.pid))
  }

  @Test
  func `a client that always lags behind costs no more for that`() throws {
    let world = try World()
    let host = try world.host()
    let script = """
      line=$(head -c 20000 /dev/zero | tr '\\0' x)
      i=0; while [ $i -lt 3200 ]; do echo '{"type":"progress","message":"'$line'"}'; i=$((i+1)); done
      while [ ! -e go ]; do sleep 0.05; done
      \(Stage.success)
      """
    let id = try host.start("script", script)
    try host.awaitRun(id, "it says nothing") { $0["events"]?.integer == 3200 }
    let before = try peakBytes(host)
    let logs = try Child(
      "/bin/sh", ["-c", "\"$0\" logs -f \(id) | wc -lc", Repository.program("reeve")], environment: world.environment)
    try world.folder.write("go", "")
    #expect(try logs.wait() == .code(0))
    #expect(logs.output.split(separator: " ").first == "3201", "\(logs.output) \(logs.errors)")
    // Of the 64 MB that were sent.
    #expect(try peakBytes(host) - before < 16 << 20)
  }

  @Test
  func `a transcript that cannot be read just now has no gap`() throws {
    let world = try World()
    let host = try world.host()
    let id = try host.start("script", Stage.success)
    try host.awaitRun(id, "it is not over") { $0["disposal"]?.string == "gone" }
    try limitDescriptors(of: host.process.pid, to: 3)
    _ = try host.call("run/subscribe", ["run": .string(id)])
    #expect(try host.notification("run/changed")["run"]?["disposal"] == "gone")
    try limitDescriptors(of: host.process.pid, to: 1024)
    let appended = try host.notification("run/appended")
    #expect(appended["first"]?.integer == 1 && appended["events"]?.array?.first?["type"] == "result")
  }

  @Test
  func `who follows a run with a gap sees the gap once, and the end`() throws {
    let world: World
    do {
      world = try World(stateBytes: 2 << 20)
    } catch {
      return skip("no file system could be mounted (\(error)): a gap that is followed")
    }
    let host = try world.host()
    let script = """
      echo '{}'
      while [ ! -e go ]; do sleep 0.05; done
      line=$(head -c 20000 /dev/zero | tr '\\0' x)
      i=0; while [ $i -lt 200 ]; do echo '{"type":"progress","message":"'$line'"}'; i=$((i+1)); done
      \(Stage.success)
      """
    let id = try host.start("script", script)
    let logs = try world.reeve("logs", "-f", id)
    try eventually("nothing is printed") { logs.output.hasSuffix("\n") }
    try world.folder.write("go", "")
    // Though the host lives on.
    #expect(try logs.wait() == .code(0))
    let lines = logs.output.split(separator: "\n")
    let run = try world.run()
    #expect(lines.count == Int(run.eventsStored) + 1 && run.events == 202)
    #expect(lines.last == #"{"type":"reeve.gap","first":\#(run.eventsStored + 1),"last":202}"#)
  }

  // The reader is faster than the host that finds the disk full.
  @Test
  func `half a line that was cut off again after it was read is a part of the gap`() throws {
    let folder = try TemporaryDirectory()
    let state = try StateFolder(path: "\(folder.path)/state")
    var names = IdentifierSource<RunSubject>()
    var hosts = IdentifierSource<HostSubject>()
    var record = RunRecord(
      id: names.next(at: 0), plugin: "p", host: hosts.next(at: 0), created: Timestamp(milliseconds: 0), directory: "/",
      prompt: "", labels: JSONText(valid: "{}"), limits: JSONText(valid: "{}"))
    try state.runs.makeDirectory(record.id.description)
    let path = "\(state.runs.path)/\(record.id)/\(RunFile.transcript)"
    _ = TestFile.write(Array("{\"a\":1}\n{\"b\":2".utf8), to: path)
    var reader = TranscriptReader(state: state, run: record)
    var events: [String] = []
    func give(_ number: Int64, _ event: [UInt8]) {
      events.append("\(number) \(String(decoding: event, as: UTF8.self))")
    }
    while try reader.readPiece(give) {}
    truncate(path, 8)
    record.flags = .transcriptGap
    (record.events, record.eventsStored) = (3, 1)
    reader.finish(record, give)
    #expect(events == [#"1 {"a":1}"#, #"3 {"type":"reeve.gap","first":2,"last":3}"#])
  }

  // Nobody takes connections from its queue, and it is full.
  @Test
  func `a stopped host with a full queue is not waited for any longer than another`() throws {
    let world = try World()
    let host = try world.host()
    let id = try host.start("script", "echo '{}'; sleep 1000")
    let place = host.process.output.split(separator: "\n")[0].split(separator: " ").joined(separator: "/")
    host.process.signal(SIGSTOP)
    let script = """
      import resource, socket, sys, time
      most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
      resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
      held = []
      try:
        while True:
          held.append(socket.socket(socket.AF_UNIX))
          held[-1].setblocking(False)
          held[-1].connect(sys.argv[1])
      except BlockingIOError: print("full", flush=True)
      time.sleep(1000)
      """
    let crowd = try Child("/usr/bin/env", ["python3", "-c", script, place], environment: world.environment)
    try eventually("the queue does not fill") { crowd.output == "full\n" || crowd.poll() != nil }
    guard crowd.poll() == nil else { return skip("the queue cannot be filled (\(crowd.errors)): a full queue") }
    let refused = try world.call("cancel", id)
    #expect(refused.code == .code(3) && refused.errors.contains("owner_unreachable"), "\(refused.errors)")
    host.process.signal(SIGCONT)
    try eventually("it does not come back") { try host.run(id)["status"] == "running" }
    try host.end()
  }

  private func peakBytes(_ host: TestHost) throws -> Int {
    let status = try contents("/proc/\(host.process.pid)/status")
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return (Int(line.filter(\.isNumber)) ?? 0) << 10
  }
}
