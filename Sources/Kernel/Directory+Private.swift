internal import Glibc

extension Directory {
  /// Opens a directory that is ours alone, after making it and the parents that are missing, each closed to others.
  ///
  /// One that exists is never changed: whoever opened it to others may have had a reason, and what they put there since
  /// is not to be trusted. The error says what to do.
  public static func openOrCreate(_ path: String) throws(SystemError) -> Directory {
    // O_NOFOLLOW looks past a trailing slash.
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }

    try makeWithParents(path)
    let directory: Directory
    do {
      directory = try open(path)
    } catch {
      guard error.code == ENOTDIR else { throw error }
      throw SystemError(call: error.call, code: ENOTDIR, detail: "\(path) must be a directory, not a link to one")
    }
    let status = try directory.status()
    guard status.owner == geteuid() else {
      throw SystemError(call: "open", code: EPERM, detail: "\(path) belongs to user \(status.owner)")
    }
    guard status.permissions & 0o077 == 0 else {
      throw SystemError(call: "open", code: EACCES, detail: "\(path) is open to other users; run: chmod 700 \(path)")
    }
    return directory
  }

  /// Opens a directory by its path, wherever links lead, whoever may look into it; makes what is missing of it.
  public static func openMaking(_ path: String) throws(SystemError) -> Directory {
    try makeWithParents(path)
    return try open(path, following: true)
  }

  private static func makeWithParents(_ path: String) throws(SystemError) {
    do {
      try make(path)
    } catch {
      guard error.code == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else { throw error }
      try makeWithParents(String(path[..<slash]))
      try make(path)
    }
  }

  private static func make(_ path: String) throws(SystemError) {
    do {
      try retryingInterrupts("mkdir", path) { mkdir(path, 0o700) }
      // A umask may have taken from it what its owner needs.
      try retryingInterrupts("chmod", path) { chmod(path, 0o700) }
    } catch {
      guard error.code == EEXIST else { throw error }
    }
  }
}
