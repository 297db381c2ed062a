internal import Glibc
internal import Kernel
internal import Model

/// The content of a plugin's folder, by a digest over every file in it. Trust is bound to it: one byte, one mode, one file
/// more, and it is another.
struct PluginSeal {
  /// More than this is no plugin that anybody has looked at; and to read it all takes time, at each start.
  static let mostEntries = 4096
  static let mostBytes: Int64 = 64 << 20
  private static let mostDepth = 64

  /// The digest, in hexadecimal digits.
  let digest: String
  /// The manifest as it was read for the digest: what is run is what was looked at.
  let manifest: [UInt8]

  /// Reads everything in a folder, which is reached without links.
  init(of folder: String) throws(PluginError) {
    var reader = Reader(folder: folder)
    do throws(SystemError) {
      try reader.read(try Directory.open(folder), "", depth: 0)
    } catch {
      throw reader.objection ?? reader.refusal("cannot be read: \(error)")
    }
    guard let manifest = reader.manifest else { throw reader.refusal("has no \(Manifest.fileName)") }
    self.manifest = manifest
    digest = reader.digest.finish()
  }

  /// Takes in a folder, entry by entry. Each part of an entry is preceded by its length, or has a fixed one, so that no two
  /// folders make the same bytes.
  private struct Reader {
    let folder: String
    var digest = SHA256()
    var manifest: [UInt8]?
    /// Why this cannot be trusted, where that is no trouble of the system's.
    var objection: PluginError?
    private var entries = 0
    private var bytes: Int64 = 0

    init(folder: String) {
      self.folder = folder
      digest.update("reeve plugin 1\n".utf8)
    }

    func refusal(_ what: String) -> PluginError {
      var error = PluginError(.untrusted, "\(folder) \(what)")
      error.file = folder
      return error
    }

    /// Only to get out: the objection is what is told.
    private mutating func object(_ what: String) -> SystemError {
      objection = refusal(what)
      return SystemError(call: "open", code: EPERM)
    }

    mutating func read(_ directory: borrowing Directory, _ path: String, depth: Int) throws(SystemError) {
      guard depth <= PluginSeal.mostDepth else { throw object("is nested too deeply to be trusted: “\(path)”") }
      let names = try directory.entries()
      entries += names.count
      guard entries <= PluginSeal.mostEntries else {
        throw object("has more than \(PluginSeal.mostEntries) files, which is too much to be trusted")
      }
      for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
        try read(name, in: directory, path.isEmpty ? name : "\(path)/\(name)", depth: depth)
      }
    }

    private mutating func read(
      _ name: String, in directory: borrowing Directory, _ path: String, depth: Int
    ) throws(SystemError) {
      guard let status = try directory.status(of: name) else {
        throw object("changed while it was looked at, or has a name that is no text: “\(path)”")
      }
      if !status.isLink, let why = Tamperproof.objection(to: status, "\(folder)/\(path)", mayBeSticky: false) {
        throw object("cannot be trusted: \(folder)/\(path) \(why)")
      }
      if status.isDirectory {
        begin("d", path, status)
        try read(try directory.openDirectory(name), path, depth: depth + 1)
      } else if status.isLink {
        let target = try directory.link(name)
        guard Self.staysInside(target, depth: depth) else {
          throw object("cannot be trusted: the link “\(path)” leads out of it, to “\(target)”")
        }
        begin("l", path, nil)
        take(Array(target.utf8))
      } else if status.isRegular {
        try readFile(name, in: directory, path)
      } else {
        throw object("cannot be trusted: “\(path)” is neither a file nor a folder")
      }
    }

    private mutating func readFile(
      _ name: String, in directory: borrowing Directory, _ path: String
    ) throws(SystemError) {
      let file = try directory.openPlainFile(name, flags: O_RDONLY)
      // What was opened, and not what stood there before.
      let status = try file.status()
      // Not by the sum: a file without a byte on the disk can be as large as a number.
      guard status.size <= PluginSeal.mostBytes - bytes else {
        throw object("has more than \(PluginSeal.mostBytes >> 20) MiB, which is too much to be trusted")
      }
      bytes += status.size
      begin("f", path, status)
      number(Int(status.size))
      let isManifest = path == Manifest.fileName
      if isManifest && status.size > Catalog.largestManifest { throw object("has a manifest that is far too large") }
      var content: [UInt8] = []
      var left = Int(status.size)
      let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 1)
      defer { piece.deallocate() }
      while left > 0 {
        let room = UnsafeMutableRawBufferPointer(rebasing: piece.prefix(left))
        guard case .bytes(let count) = try file.read(into: room) else {
          throw object("changed while it was looked at: “\(path)”")
        }
        digest.update(room.prefix(count))
        if isManifest { content += room.prefix(count) }
        left -= count
      }
      guard try file.status().size == status.size else { throw object("changed while it was looked at: “\(path)”") }
      if isManifest { manifest = content }
    }

    private static let pieceBytes = 64 << 10

    private mutating func begin(_ kind: String, _ path: String, _ status: FileStatus?) {
      digest.update(kind.utf8)
      take(Array(path.utf8))
      // What may be executed, and as whom. Who may read it besides the user changes nothing about what it does.
      number(Int(status.map { $0.isRegular ? $0.permissions & 0o7111 : 0 } ?? 0))
    }

    private mutating func take(_ bytes: [UInt8]) {
      number(bytes.count)
      digest.update(bytes)
    }

    private mutating func number(_ number: Int) {
      digest.update((0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) })
    }

    /// Whether a link, so deep in the folder, stays in it. It may go up only at its beginning: behind the name of another
    /// link, “..” leads to where that one leads.
    private static func staysInside(_ target: String, depth: Int) -> Bool {
      guard !target.isEmpty, !target.hasPrefix("/") else { return false }
      let parts = target.split(separator: "/").filter { $0 != "." }
      let ups = parts.prefix { $0 == ".." }.count
      return ups <= depth && !parts.dropFirst(ups).contains("..")
    }
  }
}
