import Glibc
public import Kernel

/// A directory for one test, gone with everything in it afterwards.
public struct TemporaryDirectory: ~Copyable {
  /// Where it is.
  public let path: String
  private let isMount: Bool

  /// A new, empty one; with a size, a file system of its own that holds no more than that.
  public init(bytes: Int? = nil) throws {
    let path = try Self.make(bytes)
    self.path = path
    isMount = bytes != nil
  }

  private static func make(_ bytes: Int?) throws -> String {
    var template = Array("/tmp/reeve-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError(call: "mkdtemp", code: errno) }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard let bytes else { return path }
    guard mount("tmpfs", path, "tmpfs", 0, "size=\(bytes),mode=700") == 0 else {
      let code = errno
      rmdir(path)
      throw SystemError(call: "mount", code: code, detail: path)
    }
    return path
  }

  deinit {
    TemporaryDirectory.removeTree(path, keepingRoot: isMount)
    guard isMount else { return }
    umount2(path, Int32(MNT_DETACH))
    rmdir(path)
  }

  /// The directory itself.
  public func open() throws -> Directory { try Directory.open(path) }

  /// Writes a file there; its path.
  @discardableResult
  public func write(_ name: String, _ text: String, mode: UInt32 = 0o600) throws -> String {
    let file = try open().openFile(name, flags: O_WRONLY | O_CREAT | O_TRUNC)
    try file.writeAll(Array(text.utf8).span.bytes)
    fchmod(file.raw, mode)
    return "\(path)/\(name)"
  }

  /// Copies a program there; its path.
  public func copy(_ program: String, as name: String) throws -> String {
    let source = Glibc.open(program, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else { throw SystemError(call: "open", code: errno, detail: program) }
    let input = Descriptor(owning: source)
    let output = try open().openFile(name, flags: O_WRONLY | O_CREAT | O_TRUNC)
    var bytes: [UInt8] = Array(repeating: 0, count: 1 << 16)
    while case .bytes(let count) = try bytes.withUnsafeMutableBytes({ try input.read(into: $0) }) {
      try output.writeAll(bytes.span.extracting(..<count).bytes)
    }
    fchmod(output.raw, 0o700)
    return "\(path)/\(name)"
  }

  private static func removeTree(_ path: String, keepingRoot: Bool = false) {
    if let entries = try? Directory.open(path).entries() {
      for entry in entries { removeTree("\(path)/\(entry)") }
    }
    if !keepingRoot { Glibc.remove(path) }
  }
}
