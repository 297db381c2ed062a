internal import CLinux
internal import Glibc

/// The file system that a path lies on.
public struct FileSystem: Equatable, Sendable {
  /// How far locks and shared memory can be relied on.
  public enum Kind: Equatable, Sendable {
    /// On this machine's own storage.
    case local
    /// Served by a program of the user's; it may be anything.
    case served
    /// On another machine.
    case network(String)
  }

  /// Its kind.
  public let kind: Kind
  /// How many bytes an ordinary user may still write.
  public let free: Int64

  /// Looks at the file system of this path.
  public static func of(_ path: String) throws(SystemError) -> FileSystem {
    var free: Int64 = 0
    let number = cl_file_system(path, &free)
    guard number >= 0 else { throw SystemError.last("statfs", path) }
    return FileSystem(kind: kind(of: number), free: free)
  }

  /// What statfs(2) calls it.
  static func kind(of number: Int64) -> Kind {
    switch number {
    case 0x6969: .network("NFS")
    case 0x517b, 0xff53_4d42, 0xfe53_4d42: .network("SMB")
    case 0x0102_1997: .network("9P")
    case 0x00c3_6400: .network("Ceph")
    case 0x6573_5546: .served
    default: .local
    }
  }
}
