internal import Glibc
public import Host
public import Kernel
public import Loop
internal import Model
internal import Plugins

/// Lets clients in, and keeps them apart.
@LoopActor public final class Reception: EventSource {
  /// More clients than this are a mistake somewhere.
  private static let mostClients = 512
  private static let pauseAfterFailure = TimeSpan.milliseconds(100)

  private let host: Host
  private let environment: [String: String]
  private let directory: String?
  /// Whether the host ends with one client, and so can keep no run for any other.
  let endsWithClient: Bool
  private var listeners: [Listener] = []
  private let pause = LoopTimer(tag: 0)
  private var sessions: [ObjectIdentifier: Session] = [:]
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 4096)
  /// Told when a client has gone: whether it was the one whose child this host is.
  public var onDeparture: (Bool) -> Void = { _ in }
  /// Told when a client has come.
  public var onArrival: () -> Void = {}

  /// One for a host. Runs that clients start get this environment and work in this directory, unless the client says
  /// otherwise; without a directory it must.
  public init(host: Host, environment: [String: String], directory: String?, endsWithClient: Bool) {
    self.endsWithClient = endsWithClient
    self.host = host
    self.environment = environment
    self.directory = directory
  }

  isolated deinit { buffer.deallocate() }

  /// How many clients there are.
  public var clients: Int { sessions.count }

  // MARK: - Sockets

  /// A socket at which clients wait, and its name in a folder if it is ours to remove.
  private final class Listener {
    var socket: Watched<UnixSocket>?
    let folder: Directory?
    let name: String

    init(_ socket: consuming Watched<UnixSocket>, folder: consuming Directory?, name: String) {
      self.socket = consume socket
      self.folder = folder
      self.name = name
    }
  }

  /// Listens at the host's own socket.
  public func listen() throws(HostError) {
    do {
      try listen(in: try Directory.open(host.sockets.path), name: HostSocket.name(of: host.id))
    } catch {
      throw HostError(.system, "the host cannot listen: \(error)")
    }
  }

  /// Listens under a name.
  public func listen(in folder: consuming Directory, name: String) throws(SystemError) {
    let socket = try UnixSocket.listen(in: folder, name: name)
    let watched = try Watched(socket, tag: listeners.count, source: self)
    listeners.append(Listener(watched, folder: folder, name: name))
  }

  /// Listens at a socket that somebody else has made, as systemd does.
  public func listen(at socket: consuming UnixSocket) throws(SystemError) {
    let watched = try Watched(socket, tag: listeners.count, source: self)
    listeners.append(Listener(watched, folder: nil, name: ""))
  }

  /// A client wants in. Any other user is sent away without a word.
  public func ready(_ tag: Int, _ readiness: Readiness) {
    do {
      guard let socket = try listeners[tag].socket?.owner.accept() else { return }
      let peer = try socket.peer()
      guard peer.uid == geteuid() else { return host.log("a client of another user was sent away") }
      guard sessions.count < Self.mostClients else {
        return host.log("there are \(Self.mostClients) clients; another was sent away")
      }
      let channel = Channel(input: try socket.descriptor.duplicate(), output: socket.intoDescriptor())
      try admit(channel, caller(peer.pid))
    } catch {
      // Most likely there is no descriptor left. The client still waits and would wake the loop without end.
      host.log("a client could not be let in: \(error)")
      for listener in listeners { listener.socket?.setInterest([]) }
      pause.arm(at: Loop.shared.now + Self.pauseAfterFailure, source: self)
    }
  }

  private func caller(_ pid: Int32) -> Caller {
    var caller = Caller(environment: environment, directory: directory, ownsHost: false)
    var runs: [RunID] = []
    // The groups of runs bear their names. Without groups the client's word must do.
    for run in CgroupPlaces.names(of: pid).compactMap({ RunID($0) }) where !runs.contains(run) { runs.append(run) }
    guard !runs.isEmpty else { return caller }
    caller.marks = runs.map(\.description).joined(separator: ":")
    caller.adopt(environment.filter { $0.key != RunMark.variable })
    return caller
  }

  /// The pause after a failure is over.
  public func timerFired(_ tag: Int) { for listener in listeners { listener.socket?.setInterest(.readable) } }

  // MARK: - Clients

  /// Serves the one client whose child this host is.
  public func serve(input: consuming Descriptor, output: consuming Descriptor) throws(SystemError) {
    try admit(
      Channel(input: input, output: output), Caller(environment: environment, directory: directory, ownsHost: true))
  }

  private func admit(_ channel: consuming Channel, _ caller: Caller) throws(SystemError) {
    let session = try Session(channel, host: host, reception: self, caller: caller)
    sessions[ObjectIdentifier(session)] = session
    onArrival()
  }

  func ended(_ session: Session) {
    sessions[ObjectIdentifier(session)] = nil
    onDeparture(session.caller.ownsHost)
  }

  /// Lets every client read what it was answered, and go.
  public func dismiss() { for session in Array(sessions.values) { session.end() } }

  /// Is no longer there for whoever looks for any host. Who has to do with a run of this one still finds it.
  public func withdraw() {
    let own = HostSocket.name(of: host.id)
    stopListening { $0.name != own }
  }

  private func stopListening(_ isMeant: (Listener) -> Bool) {
    for listener in listeners where isMeant(listener) && listener.socket != nil {
      listener.socket.take()?.close()
      switch listener.folder {
      case .some(let folder): try? folder.remove(listener.name)
      case .none: break
      }
    }
  }

  /// Listens no more, and lets every client go.
  public func close() {
    pause.disarm()
    stopListening { _ in true }
    listeners = []
    for session in Array(sessions.values) { session.close() }
  }
}
