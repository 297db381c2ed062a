internal import CLinux
internal import Glibc

/// A directory held open, so that what is done in it is done there even if its path comes to mean another.
///
/// Names are single components: none leads out of the directory, and a symbolic link is never followed.
public struct Directory: ~Copyable, Sendable {
  /// Opened with `O_PATH`: good for calls that take a directory, not for reading.
  public let descriptor: Descriptor
  /// Where it was found; for messages.
  public let path: String

  /// Opens a directory by its path; a symbolic link in the last place is refused unless `following`.
  public static func open(_ path: String, following: Bool = false) throws(SystemError) -> Directory {
    let flags = cl_o_path | O_DIRECTORY | O_CLOEXEC | (following ? 0 : O_NOFOLLOW)
    let raw = try retryingInterrupts("open", path) { path.withCString { Glibc.open($0, flags) } }
    return Directory(descriptor: Descriptor(owning: raw), path: path)
  }

  /// Opens a file in it, by the flags of open(2); closed on exec, and never through a symbolic link.
  public func openFile(_ name: String, flags: Int32, mode: UInt32 = 0o600) throws(SystemError) -> Descriptor {
    try check(name)
    let raw = try retryingInterrupts("openat", full(name)) {
      name.withCString { openat(descriptor.raw, $0, flags | O_CLOEXEC | O_NOFOLLOW, mode) }
    }
    return Descriptor(owning: raw)
  }

  /// Opens a plain file in it. What somebody has put in its place, a FIFO above all, is never waited for.
  public func openPlainFile(_ name: String, flags: Int32, mode: UInt32 = 0o600) throws(SystemError) -> Descriptor {
    let file = try openFile(name, flags: flags | O_NONBLOCK, mode: mode)
    guard try file.status().isRegular else {
      throw SystemError(call: "openat", code: EINVAL, detail: "\(path)/\(name) is no plain file")
    }
    return file
  }

  /// Opens a directory in it.
  public func openDirectory(_ name: String) throws(SystemError) -> Directory {
    let opened = try openFile(name, flags: cl_o_path | O_DIRECTORY)
    return Directory(descriptor: opened, path: full(name))
  }

  /// Makes a directory in it.
  public func makeDirectory(_ name: String, mode: UInt32 = 0o700) throws(SystemError) {
    try check(name)
    try retryingInterrupts("mkdirat", full(name)) { name.withCString { mkdirat(descriptor.raw, $0, mode) } }
  }

  /// Removes a file in it.
  public func remove(_ name: String) throws(SystemError) {
    try check(name)
    try retryingInterrupts("unlinkat", full(name)) { name.withCString { unlinkat(descriptor.raw, $0, 0) } }
  }

  /// Gives an entry another name in it.
  public func rename(_ name: String, to new: String) throws(SystemError) {
    try check(name)
    try check(new)
    try retryingInterrupts("renameat", full(name)) { renameat(descriptor.raw, name, descriptor.raw, new) }
  }

  /// Removes an empty directory in it.
  public func removeDirectory(_ name: String) throws(SystemError) {
    try check(name)
    try retryingInterrupts("unlinkat", full(name)) { name.withCString { unlinkat(descriptor.raw, $0, AT_REMOVEDIR) } }
  }

  /// What the kernel knows of the directory itself.
  public func status() throws(SystemError) -> FileStatus { try descriptor.status() }

  /// What the kernel knows of an entry, a symbolic link as such; nil when there is none of that name.
  public func status(of name: String) throws(SystemError) -> FileStatus? {
    try check(name)
    var status = stat()
    do {
      try retryingInterrupts("fstatat", full(name)) { fstatat(descriptor.raw, name, &status, AT_SYMLINK_NOFOLLOW) }
    } catch {
      guard error.code == ENOENT else { throw error }
      return nil
    }
    return FileStatus(status)
  }

  /// Where a symbolic link in it leads, as it says.
  public func link(_ name: String) throws(SystemError) -> String {
    try check(name)
    return try SymbolicLink.read(full(name)) { readlinkat(descriptor.raw, name, $0, $1) }
  }

  /// The names in it, in no order; bytes that are not UTF-8 are shown as replacement characters.
  public func entries() throws(SystemError) -> [String] {
    var names: [String] = []
    try forEachEntry { name, _ in names.append(name) }
    return names
  }

  /// Something that becomes readable when an entry is put into it, until it is read.
  public func watchingEntries() throws(SystemError) -> Descriptor {
    Descriptor(owning: try retryingInterrupts("inotify_add_watch", path) { path.withCString { cl_watch_entries($0) } })
  }

  /// The names of the directories in it, on a file system that tells kinds while it lists names, as the kernel's own do.
  func subdirectories() throws(SystemError) -> [String] {
    var names: [String] = []
    try forEachEntry { name, kind in if kind == DT_DIR { names.append(name) } }
    return names
  }

  private func forEachEntry(_ body: (_ name: String, _ kind: Int) -> Void) throws(SystemError) {
    // An O_PATH descriptor cannot be read, and a reader of its own has a position of its own.
    let reader = try retryingInterrupts("openat", path) {
      openat(descriptor.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    guard let stream = fdopendir(reader) else {
      let error = SystemError.last("fdopendir", path)
      Descriptor(owning: reader).close()
      throw error
    }
    defer { closedir(stream) }
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw .last("readdir", path) }
        return
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { body(name, Int(entry.pointee.d_type)) }
    }
  }

  /// The full path of an entry, for messages.
  private func full(_ name: String) -> String { "\(path)/\(name)" }

  /// Refuses a name that does not stay inside.
  private func check(_ name: String) throws(SystemError) {
    let isSpecial = name.isEmpty || name == "." || name == ".."
    if isSpecial || name.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") }) {
      throw SystemError(call: "openat", code: EINVAL, detail: "\"\(name)\" is not a name inside \(path)")
    }
  }
}
