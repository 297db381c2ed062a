internal import CLinux
internal import Glibc
public import Model

/// Who is at the other end of a socket, as the kernel saw it when they connected.
public struct PeerCredentials: Equatable, Sendable {
  /// Their process.
  public let pid: Int32
  /// Their effective user.
  public let uid: UInt32
}

/// A stream socket that has a name in a directory.
public struct UnixSocket: ~Copyable, Sendable {
  /// The socket.
  public let descriptor: Descriptor

  /// Listens under a name that only this user can connect to; a socket that nobody listens to any more is replaced.
  ///
  /// Nonblocking. Two that do this at once might remove each other's, so the caller holds a lock.
  public static func listen(in directory: borrowing Directory, name: String) throws(SystemError) -> UnixSocket {
    let listener = try make(SOCK_NONBLOCK)
    // bind gives the name the socket's own mode: set before, there is no moment at which others could connect.
    try retryingInterrupts("fchmod") { fchmod(listener.descriptor.raw, 0o600) }
    do {
      try listener.give(bind, "bind", directory, name)
    } catch {
      guard error.code == EADDRINUSE, try isStale(in: directory, name: name) else { throw error }
      try directory.remove(name)
      try listener.give(bind, "bind", directory, name)
    }
    try retryingInterrupts("listen") { Glibc.listen(listener.descriptor.raw, SOMAXCONN) }
    return listener
  }

  /// Connects to whoever listens under a name; waits while their queue is full, at most so long (EAGAIN).
  public static func connect(
    in directory: borrowing Directory, name: String, within patience: TimeSpan? = nil
  ) throws(SystemError) -> UnixSocket {
    let socket = try make()
    if let patience { try socket.setPatience(patience) }
    try socket.give(Glibc.connect, "connect", directory, name)
    return socket
  }

  /// How long a connection, or a blocking write, may wait for the other end.
  private func setPatience(_ patience: TimeSpan) throws(SystemError) {
    let (raw, microseconds) = (descriptor.raw, max(1, patience.nanoseconds / 1000))
    // Nothing would mean for ever.
    var time = timeval(tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
    try retryingInterrupts("setsockopt") {
      setsockopt(raw, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  /// The next connection, nonblocking; nil when none waits.
  public func accept() throws(SystemError) -> UnixSocket? {
    while true {
      do {
        let raw = try retryingInterrupts("accept4") { cl_accept(descriptor.raw) }
        return UnixSocket(descriptor: Descriptor(owning: raw))
      } catch {
        if error.code == ECONNABORTED { continue }  // One that left while it waited: the next may be behind it.
        guard error.code == EAGAIN else { throw error }
        return nil
      }
    }
  }

  /// A socket that somebody else has made, and bound; it listens already.
  public init(adopting descriptor: consuming Descriptor) throws(SystemError) {
    try descriptor.setNonblocking()
    self.descriptor = descriptor
  }

  /// Its descriptor, without it.
  public consuming func intoDescriptor() -> Descriptor { descriptor }

  /// Who is at the other end.
  public func peer() throws(SystemError) -> PeerCredentials {
    var pid: Int32 = 0
    var uid: UInt32 = 0
    let raw = descriptor.raw
    try retryingInterrupts("getsockopt") { cl_peer_credentials(raw, &pid, &uid) }
    return PeerCredentials(pid: pid, uid: uid)
  }

  private static func make(_ flags: __socket_type = __socket_type(0)) throws(SystemError) -> UnixSocket {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | flags.rawValue)
    let raw = try retryingInterrupts("socket") { socket(AF_UNIX, kind, 0) }
    return UnixSocket(descriptor: Descriptor(owning: raw))
  }

  private init(descriptor: consuming Descriptor) { self.descriptor = descriptor }

  private static func isStale(in directory: borrowing Directory, name: String) throws(SystemError) -> Bool {
    // To connect to something that is no socket is refused as well.
    guard try directory.status(of: name)?.isSocket == true else { return false }
    do {
      // Whoever has a full queue is there, too.
      try make(SOCK_NONBLOCK).give(Glibc.connect, "connect", directory, name)
      return false
    } catch {
      return error.code == ECONNREFUSED
    }
  }

  private typealias AddressCall = (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32

  /// Names an entry of a directory to bind or connect.
  ///
  /// An address holds 107 bytes, less than many a path. Through the directory's own descriptor every path fits.
  private func give(
    _ call: AddressCall, _ callName: StaticString, _ directory: borrowing Directory, _ name: String
  ) throws(SystemError) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = "/proc/self/fd/\(directory.descriptor.raw)/\(name)"
    let full = "\(directory.path)/\(name)"
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { field in
      guard path.utf8.count < field.count else { return false }
      field.copyBytes(from: path.utf8)
      return true
    }
    guard fits else { throw SystemError(call: callName, code: ENAMETOOLONG, detail: full) }
    let raw = descriptor.raw
    try retryingInterrupts(callName, full) {
      withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          call(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    }
  }
}
