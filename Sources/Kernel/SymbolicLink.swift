internal import Glibc

/// Where symbolic links lead.
public enum SymbolicLink {
  /// What the link at a path says.
  public static func target(of path: String) throws(SystemError) -> String {
    try read(path) { readlink(path, $0, $1) }
  }

  static func read(
    _ path: String, _ call: (UnsafeMutablePointer<CChar>, Int) -> Int
  ) throws(SystemError) -> String {
    var room = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = try retryingInterrupts("readlink", path) { call(&room, room.count) }
    return String(decoding: room.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
