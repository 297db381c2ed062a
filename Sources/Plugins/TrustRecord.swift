internal import Glibc
internal import Kernel
internal import Model
internal import Wire

/// Which plugins of projects the user has trusted, and with what content: a file in the state folder, which is the user's
/// alone and in which nothing is opened through a link.
public struct TrustRecord: Sendable {
  /// One plugin that was trusted.
  public struct Entry: Hashable, Sendable {
    /// Its folder, without links.
    public let folder: String
    /// The digest over all files in it.
    public let digest: String
  }

  /// The file's name in the state folder.
  public static let fileName = "trust.json"
  private static let lockName = "trust.lock"
  private static let newName = "trust.new"
  /// A larger file is a mistake.
  private static let largest = 8 << 20
  /// Another command that writes it takes no longer than a disk does.
  private static let patience = TimeSpan.seconds(10)

  /// What was trusted, by folder.
  public private(set) var entries: [Entry] = []

  /// The digest that a folder was trusted with.
  func digest(of folder: String) -> String? { entries.first { $0.folder == folder }?.digest }

  // MARK: - Reading

  /// Reads what is recorded in this state folder; nothing when there is none.
  public static func read(in state: String) throws(PluginError) -> TrustRecord {
    guard (try? FileStatus.ofLink(at: state)) ?? nil != nil else { return TrustRecord() }
    do throws(SystemError) {
      // The same folder that everything else lies in, and no more open to others than that.
      return try read(try Directory.openOrCreate(state))
    } catch {
      throw damaged("\(state)/\(fileName)", "\(error)")
    }
  }

  private static func read(_ state: borrowing Directory) throws(SystemError) -> TrustRecord {
    let file: Descriptor
    do {
      file = try state.openPlainFile(fileName, flags: O_RDONLY)
    } catch {
      guard error.code == ENOENT else { throw error }
      return TrustRecord()
    }
    let status = try file.status()
    guard status.owner == geteuid(), status.permissions & 0o022 == 0 else {
      throw SystemError(call: "open", code: EPERM, detail: "others can write it")
    }
    guard let bytes = try file.readAll(limit: largest) else { throw SystemError(call: "read", code: EFBIG) }
    guard let record = TrustRecord(bytes) else {
      throw SystemError(call: "read", code: EINVAL, detail: "it is not what Reeve writes")
    }
    return record
  }

  private init() {}

  /// Nil when it is anything but what is written here: half of it is not trusted either.
  private init?(_ bytes: [UInt8]) {
    guard case .object(let document)? = try? JSON.parse(bytes), document["version"] == .integer(1),
      case .array(let plugins)? = document["plugins"]
    else { return nil }
    for plugin in plugins {
      guard case .object(let plugin) = plugin, case .string(let folder)? = plugin["folder"], folder.hasPrefix("/"),
        case .string(let digest)? = plugin["digest"], digest.utf8.count == 64
      else { return nil }
      entries.append(Entry(folder: folder, digest: digest))
    }
  }

  private static func damaged(_ path: String, _ what: String) -> PluginError {
    var error = PluginError(
      .untrusted,
      "what was trusted cannot be told, so nothing is: \(path): \(what); "
        + "if it is damaged, remove it and trust again (reeve trust DIR)")
    error.file = path
    return error
  }

  // MARK: - Writing

  /// Changes what is recorded in this state folder, one command at a time.
  public static func change(in state: String, _ body: (inout TrustRecord) -> Void) throws(PluginError) {
    do throws(SystemError) {
      let folder = try Directory.openOrCreate(state)
      let deadline = Clock.now() + patience
      guard let lock = try FileLock.acquire(in: folder, name: lockName, until: deadline) else {
        throw SystemError(call: "fcntl", code: EAGAIN, detail: "another reeve is writing it")
      }
      var record = try read(folder)
      body(&record)
      try record.write(in: folder)
      lock.release()
    } catch {
      throw damaged("\(state)/\(fileName)", "\(error)")
    }
  }

  /// Whole, or not at all.
  private func write(in state: borrowing Directory) throws(SystemError) {
    let plugins = entries.sorted { $0.folder < $1.folder }.map { entry -> JSON in
      ["folder": .string(entry.folder), "digest": .string(entry.digest)]
    }
    let document: JSON = ["version": .integer(1), "plugins": .array(plugins)]
    do {
      try state.remove(Self.newName)
    } catch {
      guard error.code == ENOENT else { throw error }
    }
    let file = try state.openPlainFile(Self.newName, flags: O_WRONLY | O_CREAT | O_EXCL)
    try file.writeAll(Array((document.text + "\n").utf8).span.bytes)
    guard fsync(file.raw) == 0 else { throw SystemError(call: "fsync", code: errno, detail: Self.newName) }
    try state.rename(Self.newName, to: Self.fileName)
  }

  /// Trusts these, in the place of what was trusted of their folders.
  public mutating func add(_ new: [Entry]) {
    entries.removeAll { entry in new.contains { $0.folder == entry.folder } }
    entries += new
  }

  /// Trusts a folder no more, nor what of a project lies below it; how many that were.
  public mutating func remove(_ folder: String) -> Int {
    let before = entries.count
    entries.removeAll { $0.folder == folder || $0.folder.hasPrefix(folder == "/" ? "/" : "\(folder)/") }
    return before - entries.count
  }
}
