internal import Glibc

/// Which file this is, whatever it is called.
public struct FileIdentity: Hashable, Sendable {
  /// The file system it lies on.
  public let device: UInt64
  /// Its number there.
  public let inode: UInt64
}

/// What the kernel knows of a file.
public struct FileStatus: Sendable {
  /// Which file it is.
  public let identity: FileIdentity
  /// The user id of its owner.
  public let owner: UInt32
  /// The id of its group.
  public let group: UInt32
  /// Its permission bits, those above 0777 included.
  public let permissions: UInt32
  /// How many bytes it holds.
  public let size: Int64
  /// The room it takes on the disk.
  public let bytes: Int64
  /// When it was last written to, in milliseconds since 1970.
  public let modified: Int64
  /// Its kind, as `S_IFMT` masks it.
  let kind: UInt32

  init(_ status: stat) {
    identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    owner = status.st_uid
    group = status.st_gid
    size = Int64(status.st_size)
    permissions = status.st_mode & 0o7777
    bytes = Int64(status.st_blocks) * 512
    modified = Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000
    kind = status.st_mode & S_IFMT
  }

  /// What stands at a path; nil when nothing does.
  public static func at(_ path: String) throws(SystemError) -> FileStatus? {
    var status = stat()
    do throws(SystemError) {
      try retryingInterrupts("stat", path) { path.withCString { stat($0, &status) } }
    } catch {
      guard error.code == ENOENT else { throw error }
      return nil
    }
    return FileStatus(status)
  }

  /// What stands at a path, a symbolic link as such; nil when nothing does.
  public static func ofLink(at path: String) throws(SystemError) -> FileStatus? {
    var status = stat()
    do throws(SystemError) {
      try retryingInterrupts("lstat", path) { path.withCString { lstat($0, &status) } }
    } catch {
      guard error.code == ENOENT || error.code == ENOTDIR else { throw error }
      return nil
    }
    return FileStatus(status)
  }

  /// Whether it is a directory.
  public var isDirectory: Bool { kind == S_IFDIR }
  /// Whether it is a plain file.
  public var isRegular: Bool { kind == S_IFREG }
  /// Whether it is a symbolic link.
  public var isLink: Bool { kind == S_IFLNK }
  /// Whether it is a socket.
  public var isSocket: Bool { kind == S_IFSOCK }
}

extension Descriptor {
  /// What the kernel knows of the open file.
  public func status() throws(SystemError) -> FileStatus {
    var status = stat()
    try retryingInterrupts("fstat") { fstat(raw, &status) }
    return FileStatus(status)
  }
}
