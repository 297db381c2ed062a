internal import Glibc

/// This run of the machine.
public enum Boot {
  /// A number that no other boot has; a pid and a start time mean something only together with it.
  public static func identifier() throws(SystemError) -> String {
    let path = "/proc/sys/kernel/random/boot_id"
    let raw = try retryingInterrupts("open", path) { open(path, O_RDONLY | O_CLOEXEC) }
    let file = Descriptor(owning: raw)
    // It is 36 characters and a newline.
    return try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer throws(SystemError) in
      guard case .bytes(let count) = try file.read(into: UnsafeMutableRawBufferPointer(buffer)) else {
        throw SystemError(call: "read", code: EIO, detail: path)
      }
      return String(decoding: buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
  }
}
