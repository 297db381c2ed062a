import Glibc
import Kernel
import Model
import Wire

/// A `reeve serve` of the benchmark's own: its state folder, its plugins, and the one client that it has.
final class ReeveHost {
  /// What was started: the guardian, of which the host is the child.
  let guardian: Program
  private var reader = MessageReader()
  private var calls = 0

  /// Longer than anything here should take.
  static let patience = TimeSpan.seconds(120)

  /// Starts it with a state folder, or with one that it has to make, and waits until it has answered; `mask` is what it
  /// is to do without of the kernel's.
  init(_ workshop: Workshop, state: String? = nil, mask: String = "") throws {
    let folder = try workshop.makeFolder()
    try Self.writePlugins(workshop, folder: folder)
    try workshop.write("\(folder)/config.json", #"{"max_running": 10000}"#)
    let environment = [
      "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": folder, "REEVE_STATE": state ?? "\(folder)/state",
      "REEVE_CONFIG": "\(folder)/config.json", "REEVE_PLUGINS": "\(folder)/plugins", "XDG_RUNTIME_DIR": folder,
      "REEVE_MASK": mask,
    ]
    begun = Clock.now()
    guardian = try workshop.start(
      workshop.reeve, ["serve"], environment: environment, streams: [.input, .output])
    answered = begun
    _ = try call("host/status", "{}") { _ in }
    answered = reader.arrived
  }

  private let begun: Instant
  private var answered: Instant

  /// From being started to having answered its first call.
  var coldStart: TimeSpan { answered - begun }

  /// When the newest bytes of the host came.
  var arrived: Instant { reader.arrived }

  private static func writePlugins(_ workshop: Workshop, folder: String) throws {
    let forever = #", "limits": {"wall": "none", "idle": "none", "start": "none"}"#
    let agents: [(name: String, command: [String], rest: String)] = [
      ("true", ["/bin/true"], #", "result": "exit""#),
      ("hello", [workshop.limits, "hello"], #", "result": "exit""#),
      ("stamp", [workshop.limits, "stamp-exit", "{prompt}"], #", "result": "exit""#),
      ("final", [workshop.limits, "final"], #", "result": "event""#),
      ("spew", [workshop.limits, "spew", "{prompt}"], #", "result": "event""#),
      ("drip", [workshop.limits, "drip", "{prompt}"], #", "result": "event""#),
      ("quiet", [workshop.limits, "quiet"], #", "result": "exit""# + forever),
      ("tree", [workshop.limits, "tree", "{prompt}"], #", "result": "exit""# + forever),
    ]
    guard mkdir("\(folder)/plugins", 0o700) == 0 else { throw SystemError(call: "mkdir", code: errno, detail: folder) }
    for agent in agents {
      let place = "\(folder)/plugins/\(agent.name)"
      guard mkdir(place, 0o700) == 0 else { throw SystemError(call: "mkdir", code: errno, detail: place) }
      let command = JSON.array(agent.command.map { .string($0) }).text
      try workshop.write(
        "\(place)/plugin.json",
        #"{"name": "\#(agent.name)", "version": "1", "command": \#(command)\#(agent.rest)}"#)
    }
  }

  // MARK: - Talking

  /// Sends a call and does not wait for its answer; its number.
  @discardableResult
  func send(_ method: String, _ params: String) throws -> Int {
    calls += 1
    try guardian.write(#"{"jsonrpc":"2.0","id":\#(calls),"method":"\#(method)","params":\#(params)}"# + "\n")
    return calls
  }

  /// Asks for a run.
  func start(_ plugin: String, prompt: String = "", subscribed: Bool = true) throws {
    try send(
      "run/start", #"{"plugin":"\#(plugin)","prompt":"\#(prompt)","cwd":"/","subscribe":\#(subscribed)}"#)
  }

  /// Shows the next message, whatever it is.
  func next<Result>(_ body: (RawSpan) throws -> Result) throws -> Result {
    guard let result = try reader.next(from: guardian, until: Clock.now() + Self.patience, body) else {
      throw BenchError("reeve has hung up: \(guardian.complaint)")
    }
    return result
  }

  /// The next message; a call that failed is an error.
  func nextMessage() throws -> Message {
    let message = try next { Message($0) }
    if case .failure(let text) = message { throw BenchError("reeve refused: \(text)") }
    return message
  }

  /// The next news of a run; everything else is passed over.
  func nextNews() throws -> RunNews {
    while true {
      if case .run(let news) = try nextMessage() { return news }
    }
  }

  /// Calls, and waits for the answer, passing over everything else.
  func call<Result>(_ method: String, _ params: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    let head = #"{"jsonrpc":"2.0","id":\#(try send(method, params)),"#
    while true {
      let answer: Result? = try next { text in
        guard text.text(0..<min(head.utf8.count, text.byteCount)) == head else { return nil }
        if case .failure(let text) = Message(text) { throw BenchError("reeve refused: \(text)") }
        return try body(text)
      }
      if let answer { return answer }
    }
  }

  /// The process of the host itself.
  func process() throws -> Int32 {
    try call("host/status", "{}") { text in
      let parsed = try JSON.parse(text)
      guard case .object(let answer) = parsed, case .object(let result)? = answer["result"],
        case .integer(let pid)? = result["pid"]
      else { throw BenchError("host/status tells no pid") }
      return Int32(pid)
    }
  }

  /// Ends it, and waits until it has.
  func close() throws {
    guardian.closeInput()
    // What it still says must not hold it up.
    while try reader.next(from: guardian, until: Clock.now() + Self.patience, { _ in }) != nil {}
    try guardian.wait(within: .seconds(60))
  }
}
