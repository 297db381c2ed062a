internal import Glibc
internal import Kernel
internal import Model
internal import Server
internal import Wire

/// Talks to a running host over its socket; for commands, which may wait.
final class HostClient {
  /// A host that lives answers at once. One that takes longer is stopped, or in trouble.
  private static let patience = TimeSpan.seconds(5)

  private let socket: UnixSocket
  private let host: HostID
  private var splitter = LineSplitter(limit: 64 << 20)
  private var lines: [[UInt8]] = []
  private var lastCall: Int64 = 0

  init(folder: String, host: HostID) throws(SystemError) {
    self.host = host
    socket = try UnixSocket.connect(in: try Directory.open(folder), name: HostSocket.name(of: host))
  }

  /// Calls a method and waits for its answer. Notifications that come before it are kept for `next`.
  func call(_ method: String, _ params: JSON) throws -> JSON {
    lastCall += 1
    var message: [UInt8] = []
    RPCMessage.request(id: .integer(lastCall), method: method, params: params).encode(to: &message)
    do {
      try socket.descriptor.writeAll(message.span.bytes)
    } catch {
      throw CommandFailure(.trouble, "the host \(host) went away: \(error)")
    }
    let deadline = Clock.now() + Self.patience
    var passed: [[UInt8]] = []
    defer { lines = passed + lines }
    while let line = try next(until: deadline) {
      switch RPCInput.parse(line.span.bytes) {
      case .single(.message(.success(.integer(lastCall), let result))): return result
      case .single(.message(.failure(.integer(lastCall), let error))):
        throw CommandFailure(.trouble, error.message)
      default: passed.append(line)
      }
    }
    throw CommandFailure(
      .trouble, "the host \(host) lives but does not answer (owner_unreachable); nothing was changed")
  }

  /// The next message; nil when the host has closed the connection, or when the deadline is over.
  func next(until deadline: Instant? = nil) throws -> [UInt8]? {
    while lines.isEmpty {
      if let deadline, !socket.descriptor.isReadable(within: max(.zero, deadline - Clock.now())) { return nil }
      guard try receive() else { return nil }
    }
    return lines.removeFirst()
  }

  private func receive() throws -> Bool {
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    let count = piece.withUnsafeMutableBytes { buffer in
      if case .bytes(let count)? = try? socket.descriptor.read(into: buffer) { count } else { 0 }
    }
    guard count > 0 else { return false }
    var received: [[UInt8]] = []
    splitter.feed(
      piece.span.bytes.extracting(first: count),
      line: { line in received.append(line.withUnsafeBytes { Array($0) }) }, skipped: { _ in })
    lines += received
    return true
  }
}
