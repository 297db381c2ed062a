internal import Dialects
internal import Glibc
internal import Kernel
internal import Wire

/// The rules by which runs are read, for whoever must judge one in the place of its host: by then the manifest may have
/// changed, or be gone. One file a dialect, named by its digest, however many runs it has; they are small and few, and stay.
extension StateFolder {
  private func dialects() throws(SystemError) -> Directory { try Directory.openOrCreate("\(root.path)/dialects") }

  private static func name(_ digest: String) -> String { "\(digest).json" }

  /// Keeps the rules of a dialect, if they are not kept yet.
  func keep(_ dialect: Dialect, _ digest: String) throws(SystemError) {
    let folder = try dialects()
    guard try folder.status(of: Self.name(digest)) == nil else { return }
    // Under a name of this process's own until it is whole: another may be keeping the same.
    let draft = "\(digest).\(getpid())"
    try folder.openFile(draft, flags: O_WRONLY | O_CREAT | O_TRUNC).writeAll(Array(dialect.source.text.utf8).span.bytes)
    try folder.rename(draft, to: Self.name(digest))
  }

  /// A larger file is none of ours.
  private static let largestDialect = 1 << 20

  /// The rules with this digest; nil when they are not there as they were kept.
  func dialect(_ digest: String) -> Dialect? {
    guard let file = try? dialects().openPlainFile(Self.name(digest), flags: O_RDONLY),
      let bytes = (try? file.readAll(limit: Self.largestDialect)) ?? nil, let json = try? JSON.parse(bytes),
      let dialect = try? Dialect(json), dialect.digest == digest
    else { return nil }
    return dialect
  }
}
