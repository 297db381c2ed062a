internal import Glibc
public import Host
internal import Kernel
public import Loop
internal import Model

/// The socket at which a host can be reached, by its owner alone.
@LoopActor public final class SocketServer: EventSource {
  private let host: Host
  private let environment: [String: String]
  private let directory: String
  private let name: String
  private var listener: Watched<UnixSocket>?
  private let pause = LoopTimer(tag: 0)
  private var sessions: [ObjectIdentifier: Session] = [:]
  private static let pauseAfterFailure = TimeSpan.milliseconds(100)
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 4096)

  /// Listens at the host's own socket. Runs that clients start get this environment and work in this directory.
  public init(host: Host, environment: [String: String], directory: String) throws(HostError) {
    self.host = host
    self.environment = environment
    self.directory = directory
    name = HostSocket.name(of: host.id)
    do {
      listener = try Watched(
        try UnixSocket.listen(in: host.sockets, name: name), tag: 0, source: self)
    } catch {
      throw HostError(.system, "the host cannot listen: \(error)")
    }
  }

  isolated deinit { buffer.deallocate() }

  /// A client wants in. Any other user is sent away without a word.
  public func ready(_ tag: Int, _ readiness: Readiness) {
    do {
      guard let socket = try listener?.owner.accept() else { return }
      guard try socket.peer().uid == geteuid() else { return host.log("a client of another user was sent away") }
      let session = try Session(socket, host: host, server: self, environment: environment, directory: directory)
      sessions[ObjectIdentifier(session)] = session
    } catch {
      // Most likely there is no descriptor left. The client still waits and would wake the loop without end.
      host.log("a client could not be let in: \(error)")
      listener?.setInterest([])
      pause.arm(at: Loop.shared.now + Self.pauseAfterFailure, source: self)
    }
  }

  /// The pause after a failure is over.
  public func timerFired(_ tag: Int) { listener?.setInterest(.readable) }

  func ended(_ session: Session) { sessions[ObjectIdentifier(session)] = nil }

  /// Listens no more, and lets every client go.
  public func close() {
    pause.disarm()
    listener.take()?.close()
    try? host.sockets.remove(name)
    for session in Array(sessions.values) { session.close() }
  }
}
