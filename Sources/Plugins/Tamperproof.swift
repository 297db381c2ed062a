internal import Glibc
internal import Kernel

/// Whether others could change what a path leads to: a program that Reeve starts must be what its owner put there.
///
/// The path is walked as the kernel walks it, each folder and each link looked at before what is behind it, so that a name
/// that was found good cannot be made to mean something else by anybody but root and the user.
enum Tamperproof {
  /// As many links as the kernel follows.
  private static let mostLinks = 40

  /// The path without links, when nobody else can change what is there or how it is reached; nil when nothing is there.
  ///
  /// With `folder`, the path is one from there, and the folder one that this has given.
  @discardableResult
  static func check(_ path: String, in folder: String? = nil) throws(PluginError) -> String? {
    var pending = components(path)
    if folder == nil, !path.hasPrefix("/"), let here = try? Directory.open(".").descriptor.realPath() {
      pending += components(here)
    }
    var real = folder.map { $0 == "/" ? "" : $0 } ?? ""
    var links = 0
    if folder == nil { try inspect("/", try status("/"), isLast: pending.isEmpty) }
    while let name = pending.popLast() {
      if name == ".." {
        real = real.lastIndex(of: "/").map { String(real[..<$0]) } ?? ""
        continue
      }
      let place = "\(real)/\(name)"
      guard let status = try status(place) else { return nil }
      guard status.isLink else {
        try inspect(place, status, isLast: pending.isEmpty)
        real = place
        continue
      }
      // Its folder was looked at; in a sticky one it is the link's own owner who can change it.
      try inspectOwner(place, status)
      links += 1
      guard links <= mostLinks else { throw refusal(place, "is one link too many") }
      let target: String
      do { target = try SymbolicLink.target(of: place) } catch { throw refusal(place, "cannot be read: \(error)") }
      if target.hasPrefix("/") { real = "" }
      pending += components(target)
    }
    return real.isEmpty ? "/" : real
  }

  /// Last first.
  private static func components(_ path: String) -> [Substring] {
    path.split(separator: "/").filter { $0 != "." }.reversed()
  }

  private static func status(_ path: String) throws(PluginError) -> FileStatus? {
    do {
      return try FileStatus.ofLink(at: path)
    } catch {
      throw refusal(path, "cannot be looked at: \(error)")
    }
  }

  private static func inspect(_ path: String, _ status: FileStatus?, isLast: Bool) throws(PluginError) {
    guard let status else { return }
    if let objection = objection(to: status, path, mayBeSticky: !isLast) { throw refusal(path, objection) }
  }

  private static func inspectOwner(_ path: String, _ status: FileStatus) throws(PluginError) {
    if let objection = ownerObjection(to: status, path) { throw refusal(path, objection) }
  }

  private static func ownerObjection(to status: FileStatus, _ path: String) -> String? {
    guard status.owner != 0, status.owner != geteuid(), !ownersOfReeve.contains(status.owner) else { return nil }
    return "belongs to user \(status.owner), who is neither root nor you, and could change it; "
      + "if you know what it holds, run: chown -h \(geteuid()) \(path.shellWord)"
  }

  /// Who could put another program in the place of this one. To refuse what is theirs would keep nobody out: root that
  /// runs a checkout of somebody's trusts them already.
  private static let ownersOfReeve: Set<UInt32> = {
    guard let program = try? Descriptor.open("/proc/self/exe", flags: O_RDONLY).realPath() else { return [] }
    var owners: Set<UInt32> = []
    var path = program[...]
    while !path.isEmpty {
      if let status = (try? FileStatus.at(String(path))) ?? nil { owners.insert(status.owner) }
      path = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
    }
    return owners
  }()

  /// Who else could write to what has this status, and what to do about it; nil when nobody can.
  static func objection(to status: FileStatus, _ path: String, mayBeSticky: Bool) -> String? {
    if let objection = ownerObjection(to: status, path) { return objection }
    // In a sticky folder everybody can add, and nobody can replace what is another's.
    let isSticky = status.isDirectory && status.permissions & UInt32(S_ISVTX) != 0
    if isSticky && mayBeSticky { return nil }
    if status.permissions & 0o002 != 0 {
      return "can be written by every user, who could have it run anything; run: chmod o-w \(path.shellWord)"
    }
    if status.permissions & 0o020 != 0, status.group != primaryGroups.group(of: status.owner) {
      return "can be written by group \(status.group), whose members could have it run anything; "
        + "run: chmod g-w \(path.shellWord)"
    }
    return nil
  }

  private static let primaryGroups = PrimaryGroups { user in
    // A container's user may have no entry.
    Account.primaryGroup(of: user) ?? (user == geteuid() ? getegid() : nil)
  }

  private static func refusal(_ path: String, _ what: String) -> PluginError {
    var error = PluginError(.untrusted, "\(path) \(what)")
    error.file = path
    return error
  }
}
