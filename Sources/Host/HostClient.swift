internal import Glibc
public import Kernel
public import Model
internal import RPC
public import Wire

/// Talks to a running host over its socket; for whoever may wait: commands, and threads of their own.
public final class HostClient {
  /// A host that lives answers at once. One that takes longer is stopped, or in trouble.
  public static let patience = TimeSpan.seconds(5)

  private let socket: UnixSocket
  private let host: HostID
  private var splitter = LineSplitter(limit: 64 << 20)
  private var lines: [[UInt8]] = []
  private var lastCall: Int64 = 0
  private var hasHungUp = false

  /// Connects to the host whose socket lies in this folder.
  public init(folder: String, host: HostID) throws(HostError) {
    self.host = host
    // A host that leaves shows by an error.
    SignalQueue.ignoreWriteSignals()
    socket = try Self.connect(folder: folder, host: host)
  }

  static func connect(folder: String, host: HostID) throws(HostError) -> UnixSocket {
    do {
      let socket = try UnixSocket.connect(
        in: try Directory.open(folder), name: HostSocket.name(of: host), within: patience)
      try socket.descriptor.setNonblocking()
      return socket
    } catch {
      // A host that is stopped does not empty its queue.
      if error.code == EAGAIN { throw silence(of: host) }
      throw HostError(.ownerUnreachable(host), "the host \(host) lives and cannot be reached: \(error)")
    }
  }

  /// Its connection, for whoever speaks for himself.
  public func connection() throws(SystemError) -> Descriptor { try socket.descriptor.duplicate() }

  private func send(_ call: RPCMessage, until deadline: Instant) throws(HostError) {
    var message: [UInt8] = []
    call.encode(to: &message)
    do {
      if try socket.descriptor.writeAll(message.span.bytes, until: deadline) { return }
    } catch {
      throw HostError(.system, "the host \(host) went away: \(error)")
    }
    throw Self.silence(of: host)
  }

  /// Calls a method and waits for its answer, at most so long; nil is for ever. Notifications that come before it are kept
  /// for `next`.
  public func call(_ method: String, _ params: JSON?, within patience: TimeSpan? = patience) throws -> JSON {
    lastCall += 1
    let deadline = Clock.now() + (patience ?? Self.patience)
    try send(.request(id: .integer(lastCall), method: method, params: params), until: deadline)
    var passed: [[UInt8]] = []
    defer { lines = passed + lines }
    while let line = try next(until: patience == nil ? nil : deadline) {
      switch RPCInput.parse(line.span.bytes) {
      case .single(.message(.success(.integer(lastCall), let result))): return result
      case .single(.message(.failure(.integer(lastCall), let error))): throw error
      default: passed.append(line)
      }
    }
    if hasHungUp { throw HostError(.system, "the host \(host) went away") }
    throw Self.silence(of: host)
  }

  private static func silence(of host: HostID) -> HostError {
    HostError(
      .ownerUnreachable(host), "the host \(host) lives but does not answer (owner_unreachable); nothing was changed")
  }

  /// The next message; nil when the host has closed the connection, or when the deadline is over.
  public func next(until deadline: Instant? = nil) throws -> [UInt8]? {
    while lines.isEmpty {
      let patience = deadline.map { max(.zero, $0 - Clock.now()) } ?? Self.patience
      if socket.descriptor.isReadable(within: patience) {
        guard try receive() else {
          hasHungUp = true
          return nil
        }
      } else if deadline != nil {
        return nil
      }
    }
    return lines.removeFirst()
  }

  private func receive() throws -> Bool {
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    let outcome = piece.withUnsafeMutableBytes { (try? socket.descriptor.read(into: $0)) ?? .end }
    let count: Int
    switch outcome {
    case .bytes(let read): count = read
    case .wouldBlock: return true
    case .end: return false
    }
    var received: [[UInt8]] = []
    splitter.feed(
      piece.span.bytes.extracting(first: count),
      line: { line in received.append(line.withUnsafeBytes { Array($0) }) }, skipped: { _ in })
    lines += received
    return true
  }
}

/// How the socket of a host is called.
public enum HostSocket {
  /// Its name in the folder that the ledger knows.
  public static func name(of host: HostID) -> String { "\(host).sock" }
}
