import Support
import Testing

@testable import Kernel

@Suite(.tags(.small))
struct FileSystemTests {
  @Test
  func `locks are relied on only where they are this machine's own`() {
    let kinds: [(Int64, FileSystem.Kind)] = [
      (0xef53, .local), (0x0102_1994, .local), (0x9123_683e, .local), (0x5846_5342, .local),
      (0x6969, .network("NFS")), (0x517b, .network("SMB")), (0xff53_4d42, .network("SMB")),
      (0xfe53_4d42, .network("SMB")), (0x0102_1997, .network("9P")), (0x00c3_6400, .network("Ceph")),
      (0x6573_5546, .served),
    ]
    for (number, kind) in kinds { #expect(FileSystem.kind(of: number) == kind) }
  }

  @Test
  func `a folder here lies somewhere, with room or without`() throws {
    #expect(try FileSystem.of("/").free >= 0)
    #expect(throws: SystemError.self) { try FileSystem.of("/no/such/place") }
  }
}
