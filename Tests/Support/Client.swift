import Glibc
public import Kernel
public import Model
public import RPC
import Server
public import Testing
public import Wire

/// Somebody who talks to a host. Every answer that comes is held against the schema that the host tells of itself.
open class Client {
  private var input: Descriptor?
  private var output: Descriptor?
  private let framing: Framing
  private let complaints: () -> String
  private var splitter = MessageSplitter(limit: 256 << 20)
  /// What came and was not asked for yet.
  public private(set) var messages: [RPCMessage] = []
  private var lastCall: Int64 = 0
  private var methods: [RPCIdentifier: String] = [:]
  /// Whether the host has closed the connection.
  public private(set) var isOver = false

  /// A client that reads from one descriptor and writes to another; what the host says on stderr explains its silence.
  public init(
    input: consuming Descriptor, output: consuming Descriptor, framing: Framing = .lines,
    complaints: @escaping () -> String
  ) {
    self.input = consume input
    self.output = consume output
    self.framing = framing
    self.complaints = complaints
  }

  /// A client at a socket.
  public convenience init(
    at socket: consuming Descriptor, framing: Framing = .lines, complaints: @escaping () -> String
  ) throws {
    let copy = try socket.duplicate()
    self.init(input: socket, output: copy, framing: framing, complaints: complaints)
  }

  /// Says something, whatever it is.
  public func write(_ bytes: [UInt8]) throws { try output?.writeAll(bytes.span.bytes) }

  /// Says something, whatever it is.
  public func write(_ text: String) throws { try write(Array(text.utf8)) }

  /// Says no more, and goes on listening.
  public func finish() {
    if let raw = output?.raw { shutdown(raw, Int32(SHUT_WR)) }
    output = nil
  }

  /// Is gone from one moment to the next.
  public func vanish() {
    input = nil
    output = nil
  }

  /// How many bytes wait to be read, for who does not read them.
  public func awaitInput(within limit: TimeSpan = .seconds(60)) -> Bool { input?.isReadable(within: limit) ?? false }

  /// Does not wait when the host does not read.
  public func neverBlock() throws { try output?.setNonblocking() }

  /// Says as much of this as the host takes now; how much that is.
  public func offer(_ bytes: [UInt8]) throws -> Int { bytes.isEmpty ? 0 : try output?.write(bytes.span.bytes) ?? 0 }

  /// Sends a notification.
  public func notify(_ method: String, _ params: JSON? = nil) throws {
    var message: [UInt8] = []
    framing.append(.notification(method: method, params: params), to: &message)
    try write(message)
  }

  /// Waits for a message that does not answer a call of `send`.
  public func message(
    _ what: String, within limit: TimeSpan = .seconds(60), _ condition: (RPCMessage) -> Bool
  ) throws -> RPCMessage {
    let deadline = Clock.now() + limit
    while true {
      if let index = messages.firstIndex(where: condition) { return messages.remove(at: index) }
      guard try receive(until: deadline) else { throw TestFailure("the host hung up before \(what): \(complaints())") }
    }
  }

  /// Sends a call and does not wait for its answer.
  public func send(_ method: String, _ params: JSON) throws -> RPCIdentifier {
    lastCall += 1
    methods[.integer(lastCall)] = method
    var message: [UInt8] = []
    framing.append(.request(id: .integer(lastCall), method: method, params: params), to: &message)
    try write(message)
    return .integer(lastCall)
  }

  /// Sends calls as one batch and does not wait for their answers.
  public func sendBatch(_ calls: [(method: String, params: JSON)]) throws -> [RPCIdentifier] {
    var batch: [UInt8] = []
    var ids: [RPCIdentifier] = []
    for call in calls {
      lastCall += 1
      ids.append(.integer(lastCall))
      methods[.integer(lastCall)] = call.method
      batch.append(UInt8(ascii: batch.isEmpty ? "[" : ","))
      RPCMessage.request(id: .integer(lastCall), method: call.method, params: call.params).encode(to: &batch)
      batch.removeLast()
    }
    try write(batch + Array("]\n".utf8))
    return ids
  }

  /// Waits until it has closed the connection, whatever it sends before.
  public func awaitHangUp(within limit: TimeSpan = .seconds(60)) throws {
    let deadline = Clock.now() + limit
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let isReadable = input?.isReadable(within: max(.zero, deadline - Clock.now())) ?? true
      try #require(isReadable, "the host does not hang up")
      let outcome = try? piece.withUnsafeMutableBytes { try input?.read(into: $0) }
      guard case .bytes = outcome else { return }
    }
  }

  /// Waits for the answer to a call.
  public func answer(_ id: RPCIdentifier, within limit: TimeSpan = .seconds(60)) throws -> JSON {
    let deadline = Clock.now() + limit
    while true {
      for (index, message) in messages.enumerated() {
        switch message {
        case .success(id, let result):
          messages.remove(at: index)
          return result
        case .failure(id, let error):
          messages.remove(at: index)
          throw error
        default: break
        }
      }
      guard try receive(until: deadline) else { throw TestFailure("the host has gone: \(complaints())") }
    }
  }

  /// Waits for a notification; its parameters.
  public func notification(_ method: String, within limit: TimeSpan = .seconds(60)) throws -> JSON {
    let deadline = Clock.now() + limit
    while true {
      for (index, message) in messages.enumerated() {
        if case .notification(method, let params) = message {
          messages.remove(at: index)
          return params ?? .null
        }
      }
      guard try receive(until: deadline) else { throw TestFailure("the host has gone: \(complaints())") }
    }
  }

  /// Calls a method and waits for its answer.
  public func call(_ method: String, _ params: JSON = [:], within limit: TimeSpan = .seconds(60)) throws -> JSON {
    try answer(try send(method, params), within: limit)
  }

  /// Starts a run that plays a shell script; its name.
  public func start(_ plugin: String, _ script: String, limits: JSON = [:]) throws -> String {
    let answer = try call("run/start", ["plugin": .string(plugin), "prompt": .string(script), "limits": limits])
    return try #require(answer["run"]?["id"]?.string)
  }

  /// A run as the host tells it.
  public func run(_ id: String) throws -> JSON {
    let answer = try call("run/get", ["run": .string(id)])
    return try #require(answer["run"])
  }

  /// Waits until a run is as it should be.
  @discardableResult
  public func awaitRun(
    _ id: String, _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ condition: (JSON) -> Bool
  ) throws -> JSON {
    var run: JSON = .null
    try eventually(what, sourceLocation: sourceLocation) {
      run = try self.run(id)
      return condition(run)
    }
    return run
  }

  /// Takes what comes; false when the host has closed the connection.
  @discardableResult
  public func receive(until deadline: Instant) throws -> Bool {
    let isReadable = input?.isReadable(within: max(.zero, deadline - Clock.now())) ?? true
    try #require(isReadable, "the host does not answer")
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    let count = piece.withUnsafeMutableBytes { buffer in
      if case .bytes(let count)? = try? input?.read(into: buffer) { count } else { 0 }
    }
    guard count > 0 else {
      isOver = true
      return false
    }
    var received: [RPCInput.Item] = []
    var splitter = MessageSplitter(limit: 0)
    swap(&splitter, &self.splitter)
    splitter.feed(
      piece.span.bytes.extracting(first: count),
      message: { _, line in
        switch RPCInput.parse(line) {
        case .single(let item): received.append(item)
        case .batch(let items): received += items
        }
      }, refused: { _, refusal in Issue.record("the host said what cannot be read: \(refusal)") })
    swap(&splitter, &self.splitter)
    for item in received {
      guard case .message(let message) = item else {
        Issue.record("the host said what is no message: \(item)")
        continue
      }
      check(message)
      messages.append(message)
    }
    return true
  }

  /// Holds what came against what the host says of itself.
  private func check(_ message: RPCMessage) {
    switch message {
    case .success(let id, let result):
      guard let method = methods[id] else { return }
      for fault in Schema.protocolSchema.faults(in: result, of: method) { Issue.record("\(method): \(fault)") }
    case .notification(let method, let params):
      for fault in Schema.protocolSchema.faults(in: params, ofNotification: method) {
        Issue.record("\(method): \(fault)")
      }
    case .request, .failure: break
    }
  }
}

/// Why a test cannot go on.
public struct TestFailure: Error, CustomStringConvertible {
  /// What happened.
  public let description: String

  /// A failure.
  public init(_ description: String) { self.description = description }
}
