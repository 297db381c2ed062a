import Glibc
import Kernel
public import Model
public import Testing
public import Wire

/// A host in a process of its own, driven over its socket.
public final class TestHost {
  /// Its process.
  public let process: Child
  private let socket: UnixSocket
  private var splitter = LineSplitter(limit: 64 << 20)
  private var messages: [RPCMessage] = []
  private var lastCall: Int64 = 0

  init(_ world: World) throws {
    let process = try Child(
      try Repository.program("TestHost"), [], environment: world.environment, directory: world.folder.path)
    try eventually("the host does not begin: \(process.errors)") {
      process.output.hasSuffix("\n") || process.poll() != nil
    }
    let words = process.output.split(whereSeparator: \.isWhitespace)
    try #require(words.count == 2, "the host did not begin: \(process.errors)")
    self.process = process
    socket = try UnixSocket.connect(in: try Directory.open(String(words[0])), name: String(words[1]))
  }

  /// Sends a call and does not wait for its answer.
  public func send(_ method: String, _ params: JSON) throws -> RPCIdentifier {
    lastCall += 1
    var message: [UInt8] = []
    RPCMessage.request(id: .integer(lastCall), method: method, params: params).encode(to: &message)
    try socket.descriptor.writeAll(message.span.bytes)
    return .integer(lastCall)
  }

  /// Sends calls as one batch and does not wait for their answers.
  public func sendBatch(_ calls: [(method: String, params: JSON)]) throws -> [RPCIdentifier] {
    var batch: [UInt8] = []
    var ids: [RPCIdentifier] = []
    for call in calls {
      lastCall += 1
      ids.append(.integer(lastCall))
      batch.append(UInt8(ascii: batch.isEmpty ? "[" : ","))
      RPCMessage.request(id: .integer(lastCall), method: call.method, params: call.params).encode(to: &batch)
      batch.removeLast()
    }
    try socket.descriptor.writeAll((batch + Array("]\n".utf8)).span.bytes)
    return ids
  }

  /// Waits until it has closed the connection, whatever it sends before.
  public func awaitHangUp(within limit: TimeSpan = .seconds(60)) throws {
    let deadline = Clock.now() + limit
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let isReadable = socket.descriptor.isReadable(within: max(.zero, deadline - Clock.now()))
      try #require(isReadable, "the host does not hang up")
      let outcome = try? piece.withUnsafeMutableBytes { try socket.descriptor.read(into: $0) }
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
      try receive(until: deadline)
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
      try receive(until: deadline)
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

  /// Has it end in good order, so that nothing of it is left, not even its groups.
  public func end() throws {
    process.signal(SIGTERM)
    try process.wait()
  }

  private func receive(until deadline: Instant) throws {
    let isReadable = socket.descriptor.isReadable(within: max(.zero, deadline - Clock.now()))
    try #require(isReadable, "the host does not answer")
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    let count = piece.withUnsafeMutableBytes { buffer in
      if case .bytes(let count)? = try? socket.descriptor.read(into: buffer) { count } else { 0 }
    }
    try #require(count > 0, "the host has gone: \(process.errors)")
    var received: [RPCMessage] = []
    splitter.feed(
      piece.span.bytes.extracting(first: count),
      line: { line in
        let items: [RPCInput.Item] =
          switch RPCInput.parse(line) {
          case .single(let item): [item]
          case .batch(let items): items
          }
        for case .message(let message) in items { received.append(message) }
      },
      skipped: { _ in })
    messages += received
  }
}

extension JSON {
  /// A member of an object.
  public subscript(_ key: String) -> JSON? {
    if case .object(let object) = self { object[key] } else { nil }
  }

  /// The string that it is.
  public var string: String? { if case .string(let string) = self { string } else { nil } }

  /// The whole number that it is.
  public var integer: Int64? { if case .integer(let integer) = self { integer } else { nil } }

  /// The elements that it has.
  public var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }
}
