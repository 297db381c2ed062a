internal import Glibc
public import Model

extension Descriptor {
  /// Opens a file by its path; it is closed on exec.
  public static func open(_ path: String, flags: Int32) throws(SystemError) -> Descriptor {
    Descriptor(owning: try retryingInterrupts("open", path) { Glibc.open(path, flags | O_CLOEXEC) })
  }

  /// Reads to the end; nil when there is more than `limit`.
  public func readAll(limit: Int) throws(SystemError) -> [UInt8]? {
    var bytes: [UInt8] = []
    try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16 * 1024) { piece throws(SystemError) in
      while bytes.count <= limit, case .bytes(let count) = try read(into: UnsafeMutableRawBufferPointer(piece)) {
        bytes += piece[..<count]
      }
    }
    return bytes.count <= limit ? bytes : nil
  }

  /// Reads from a place in a file, wherever it was read last.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
    try retryingInterrupts("pread") { pread(raw, buffer.baseAddress, buffer.count, off_t(offset)) }
  }

  /// Writes all of it to a place in a file.
  public func writeAll(_ bytes: RawSpan, at offset: Int64) throws(SystemError) {
    var (rest, place) = (bytes, offset)
    while !rest.isEmpty {
      let count = try retryingInterrupts("pwrite") {
        rest.withUnsafeBytes { pwrite(raw, $0.baseAddress, $0.count, off_t(place)) }
      }
      rest = rest.extracting(droppingFirst: count)
      place += Int64(count)
    }
  }

  /// The path under which it was opened, links resolved.
  public func realPath() throws(SystemError) -> String {
    var room = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = try retryingInterrupts("readlink") { readlink("/proc/self/fd/\(raw)", &room, room.count) }
    return String(decoding: room.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Waits until something can be read, at most so long.
  public func isReadable(within patience: TimeSpan) -> Bool {
    var interest = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
    return poll(&interest, 1, Int32(clamping: patience.milliseconds)) > 0
  }
}
