internal import Glibc
public import Model
internal import Synchronization

/// An exclusive lock on a file, held by this process and dropped by the kernel when the process ends in any way.
///
/// It is a POSIX record lock, because those tell who holds them and do not pass to a forked child. Their trap: when a
/// process closes *any* descriptor of the file, it loses the lock. So no code but this type may open a lock file, and this
/// type keeps a register of what the process holds, and never opens a file that is in it: to this process its own locks
/// look like anyone's, taken.
public struct FileLock: ~Copyable, Sendable {
  /// What looking at a lock found.
  public enum Probe: Equatable, Sendable {
    /// There is no such file.
    case missing
    /// Nobody holds it.
    case free
    /// The process of this pid holds it.
    case held(by: Int32)
  }

  /// Which file is locked.
  public let identity: FileIdentity

  /// Closed by hand, together with the register.
  private let raw: Int32

  /// Also the lock under which files are opened and closed: between two of those steps the register would lie.
  private static let held = Mutex<Set<FileIdentity>>([])

  /// How often `acquire` tries again: fcntl can wait, but not until a deadline.
  private static let retryMicroseconds: UInt32 = 10_000

  private init(identity: FileIdentity, raw: Int32) {
    self.identity = identity
    self.raw = raw
  }

  deinit {
    // Closed under the mutex, and not a moment after the entry is gone: a late close would drop the lock that another
    // thread had by then taken through a descriptor of its own.
    FileLock.held.withLock { held in
      Descriptor(owning: raw).close()
      held.remove(identity)
    }
  }

  /// Lets go of it now.
  public consuming func release() {}

  /// Takes the lock, making its file if need be; nil when somebody holds it, this process included.
  public static func tryAcquire(in directory: borrowing Directory, name: String) throws(SystemError) -> FileLock? {
    while true {
      switch try attempt(in: directory, name: name) {
      case .acquired(let identity, let raw): return FileLock(identity: identity, raw: raw)
      case .taken: return nil
      case .replaced: continue
      }
    }
  }

  /// Takes the lock, waiting for it until the deadline; nil when it is still held then.
  public static func acquire(
    in directory: borrowing Directory, name: String, until deadline: Instant
  ) throws(SystemError) -> FileLock? {
    while true {
      if let lock = try tryAcquire(in: directory, name: name) { return lock }
      if Clock.now() >= deadline { return nil }
      usleep(retryMicroseconds)
    }
  }

  /// Looks whether somebody holds the lock, without taking it and without making the file.
  public static func probe(in directory: borrowing Directory, name: String) throws(SystemError) -> Probe {
    try held.withLock { held throws(SystemError) -> Probe in
      guard let status = try directory.status(of: name) else { return .missing }
      if held.contains(status.identity) { return .held(by: getpid()) }
      do throws(SystemError) {
        let file = try directory.openFile(name, flags: O_RDWR)
        var lock = wholeFile
        try retryingInterrupts("fcntl", name) { fcntl(file.raw, F_GETLK, &lock) }
        return lock.l_type == Int16(F_UNLCK) ? .free : .held(by: lock.l_pid)
      } catch {
        guard error.code == ENOENT else { throw error }
        return .missing
      }
    }
  }

  /// Writes into its file, for whoever finds it held.
  public func note(_ text: String) throws(SystemError) {
    try retryingInterrupts("ftruncate") { ftruncate(raw, 0) }
    try retryingInterrupts("pwrite") { pwrite(raw, text, text.utf8.count, 0) }
  }

  /// What was noted in its file before.
  public func noted() throws(SystemError) -> String? {
    try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: FileLock.longestNote) { room throws(SystemError) in
      let count = try retryingInterrupts("pread") { pread(raw, room.baseAddress, room.count, 0) }
      return count == 0 ? nil : String(decoding: room.prefix(count), as: UTF8.self)
    }
  }

  /// What was noted in the file of a lock, by whoever holds it or the last who did; nil when there is nothing, and when
  /// this process holds it, which knows.
  public static func note(in directory: borrowing Directory, name: String) throws(SystemError) -> String? {
    try held.withLock { held throws(SystemError) -> String? in
      guard let status = try directory.status(of: name), !held.contains(status.identity) else { return nil }
      do throws(SystemError) {
        let bytes = try directory.openFile(name, flags: O_RDONLY).readAll(limit: longestNote) ?? []
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
      } catch {
        // Its holder has just let go of it.
        guard error.code == ENOENT else { throw error }
        return nil
      }
    }
  }

  private static let longestNote = 256

  /// Removes its file and lets go of it.
  public consuming func discard(from directory: borrowing Directory, name: String) {
    try? directory.remove(name)
    release()
  }

  private enum Attempt {
    case acquired(FileIdentity, raw: Int32)
    case taken
    /// The file that was locked no longer bears the name: whoever looks now sees another.
    case replaced
  }

  private static func attempt(in directory: borrowing Directory, name: String) throws(SystemError) -> Attempt {
    try held.withLock { held throws(SystemError) -> Attempt in
      if let status = try directory.status(of: name), held.contains(status.identity) { return .taken }
      let file = try directory.openFile(name, flags: O_RDWR | O_CREAT)
      let identity = try file.status().identity
      var lock = wholeFile
      do throws(SystemError) {
        try retryingInterrupts("fcntl", name) { fcntl(file.raw, F_SETLK, &lock) }
      } catch {
        guard error.code == EAGAIN || error.code == EACCES else { throw error }
        return .taken
      }
      guard try directory.status(of: name)?.identity == identity else { return .replaced }
      held.insert(identity)
      return .acquired(identity, raw: file.relinquish())
    }
  }

  private static var wholeFile: flock {
    flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
  }
}
