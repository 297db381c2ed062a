import Glibc
import Kernel
import Support
import Testing

@Suite(.tags(.medium))
struct DirectoryTests {
  @Test
  func `a private directory is made with its parents, all closed to others`() throws {
    let place = try TemporaryDirectory()
    let made = try Directory.openOrCreate("\(place.path)/a/b/")
    #expect(try made.status().permissions == 0o700)
    #expect(try place.open().status(of: "a")?.permissions == 0o700)
    let again = try Directory.openOrCreate("\(place.path)/a/b")
    #expect(try again.status().identity == made.status().identity)
  }

  @Test
  func `a directory that others can enter is refused, unchanged, with the remedy`() throws {
    let place = try TemporaryDirectory()
    let path = "\(place.path)/wide"
    mkdir(path, 0o700)
    chmod(path, 0o755)
    let error = #expect(throws: SystemError.self) { _ = try Directory.openOrCreate(path) }
    #expect(error?.code == EACCES)
    #expect(error?.description.contains("chmod 700 \(path)") == true)
    #expect(try place.open().status(of: "wide")?.permissions == 0o755)
  }

  @Test
  func `a symbolic link is refused wherever it stands in for a file or a directory`() throws {
    let place = try TemporaryDirectory()
    let directory = try place.open()
    try directory.makeDirectory("real")
    symlink("real", "\(place.path)/link")
    _ = try place.write("file", "text")
    symlink("file", "\(place.path)/shortcut")
    #expect(throws: SystemError.self) { _ = try Directory.openOrCreate("\(place.path)/link/") }
    #expect(throws: SystemError.self) { _ = try directory.openDirectory("link") }
    let error = #expect(throws: SystemError.self) { _ = try directory.openFile("shortcut", flags: O_RDONLY) }
    #expect(error?.code == ELOOP)
    #expect(try directory.openDirectory("real").entries() == [])
  }

  @Test(arguments: ["", ".", "..", "a/b", "/", "../x", "a\u{0}b", "/\u{301}"])
  func `a name that could lead out of the directory is refused`(name: String) throws {
    let place = try TemporaryDirectory()
    let directory = try place.open()
    let isRefusal: (any Error) -> Bool = { ($0 as? SystemError)?.code == EINVAL }
    #expect(throws: SystemError.self) { _ = try directory.openDirectory(name) }
    #expect(performing: { _ = try directory.openFile(name, flags: O_RDWR | O_CREAT) }, throws: isRefusal)
    #expect(performing: { try directory.makeDirectory(name) }, throws: isRefusal)
    #expect(performing: { try directory.remove(name) }, throws: isRefusal)
    #expect(performing: { try directory.removeDirectory(name) }, throws: isRefusal)
  }

  @Test
  func `what is made is listed until it is removed`() throws {
    let place = try TemporaryDirectory()
    let directory = try place.open()
    try directory.makeDirectory("inner")
    let file = try directory.openFile("file", flags: O_RDWR | O_CREAT)
    #expect(fcntl(file.raw, F_GETFD) == FD_CLOEXEC)
    #expect(try file.status().permissions == 0o600)
    #expect(try directory.entries().sorted() == ["file", "inner"])
    try directory.remove("file")
    try directory.removeDirectory("inner")
    #expect(try directory.entries() == [])
    #expect(try directory.status(of: "file")?.identity == nil)
  }
}
