import Glibc
import Kernel
import Model
import Support
import Testing

@Suite(.tags(.medium))
struct UnixSocketTests {
  @Test
  func `a socket under a path of any length tells who is at the other end`() throws {
    let place = try TemporaryDirectory()
    let directory = try Directory.openOrCreate("\(place.path)/\(String(repeating: "d", count: 200))")
    let listener = try UnixSocket.listen(in: directory, name: "socket")
    #expect(try directory.status(of: "socket")?.permissions == 0o600)
    #expect(try listener.accept()?.descriptor.raw == nil)
    let client = try UnixSocket.connect(in: directory, name: "socket")
    guard let server = try listener.accept() else { throw Unexpected(what: "nobody connected") }
    for peer in [try server.peer(), try client.peer()] {
      #expect(peer.pid == getpid())
      #expect(peer.uid == geteuid())
    }
    #expect(fcntl(server.descriptor.raw, F_GETFD) == FD_CLOEXEC)
    try client.descriptor.writeAll([1, 2, 3 as UInt8].span.bytes)
    #expect(try server.descriptor.bytesWaiting() == 3)
  }

  @Test
  func `who listens and takes nothing is waited for no longer than said`() throws {
    let place = try TemporaryDirectory()
    let directory = try place.open()
    let listener = try UnixSocket.listen(in: directory, name: "socket")
    // One may wait, and no more.
    try #require(listen(listener.descriptor.raw, 0) == 0)
    let client = try UnixSocket.connect(in: directory, name: "socket", within: .milliseconds(10))
    #expect { _ = try UnixSocket.connect(in: directory, name: "socket", within: .milliseconds(10)) } throws: {
      ($0 as? SystemError)?.code == EAGAIN
    }
    // Nobody takes it for left behind either.
    #expect { _ = try UnixSocket.listen(in: directory, name: "socket") } throws: {
      ($0 as? SystemError)?.code == EADDRINUSE
    }
    try client.descriptor.setNonblocking()
    let much = [UInt8](repeating: 0, count: 4 << 20)
    #expect(try !client.descriptor.writeAll(much.span.bytes, until: Clock.now() + .milliseconds(10)))
    #expect(try listener.accept()?.descriptor.raw != nil)
  }

  @Test
  func `a socket left behind is replaced, one in use and a file are not`() throws {
    let place = try TemporaryDirectory()
    let directory = try place.open()
    do { _ = try UnixSocket.listen(in: directory, name: "socket") }
    #expect(try directory.status(of: "socket")?.isSocket == true)
    let listener = try UnixSocket.listen(in: directory, name: "socket")
    #expect { _ = try UnixSocket.listen(in: directory, name: "socket") } throws: {
      ($0 as? SystemError)?.code == EADDRINUSE
    }
    _ = try UnixSocket.connect(in: directory, name: "socket")
    #expect(try listener.accept()?.descriptor.raw != nil)

    _ = try place.write("file", "text")
    #expect { _ = try UnixSocket.listen(in: directory, name: "file") } throws: {
      ($0 as? SystemError)?.code == EADDRINUSE
    }
    #expect(try directory.status(of: "file")?.isRegular == true)
  }
}
