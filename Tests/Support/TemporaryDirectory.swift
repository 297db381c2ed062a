import Glibc
import Kernel

/// A directory for one test, gone with everything in it afterwards.
struct TemporaryDirectory: ~Copyable {
  let path: String

  init() throws {
    var template = Array("/tmp/reeve-kernel-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError(call: "mkdtemp", code: errno) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { TemporaryDirectory.removeTree(path) }

  func open() throws -> Directory { try Directory.open(path) }

  /// Writes a file there; its path.
  func write(_ name: String, _ text: String, mode: UInt32 = 0o600) throws -> String {
    let file = try open().openFile(name, flags: O_WRONLY | O_CREAT | O_TRUNC)
    try file.writeAll(Array(text.utf8).span.bytes)
    fchmod(file.raw, mode)
    return "\(path)/\(name)"
  }

  /// Copies a program there; its path.
  func copy(_ program: String, as name: String) throws -> String {
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

  private static func removeTree(_ path: String) {
    if let entries = try? Directory.open(path).entries() {
      for entry in entries { removeTree("\(path)/\(entry)") }
    }
    Glibc.remove(path)
  }
}
