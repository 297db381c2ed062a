import Glibc
import Kernel
import Support
import Testing

@testable import Plugins

@Suite(.tags(.medium))
struct PluginSealTests {
  /// A plugin's folder with a manifest, a program, a folder and a link.
  private func inFolder(_ body: (String) throws -> Void) throws {
    let place = try TemporaryDirectory()
    try place.write("plugin.json", "{}")
    try place.write("run", "one", mode: 0o700)
    mkdir("\(place.path)/lib", 0o755)
    write("lib/a", "a", in: place.path)
    symlink("../run", "\(place.path)/lib/link")
    chmod(place.path, 0o755)
    try body(place.path)
  }

  private func write(_ name: String, _ text: String, in folder: String) {
    _ = TestFile.write(Array(text.utf8), to: "\(folder)/\(name)")
  }

  private func expectRefused(_ folder: String, _ words: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let error = refusal(sourceLocation: sourceLocation) { _ = try PluginSeal(of: folder) }
    #expect(error?.code == .untrusted, sourceLocation: sourceLocation)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")", sourceLocation: sourceLocation)
  }

  /// The digest before and after something is done; the first again when it is undone.
  private func expectChange(
    in folder: String, _ what: String, _ change: () throws -> Void, undo: () throws -> Void
  ) throws {
    let before = try PluginSeal(of: folder).digest
    try change()
    #expect(try PluginSeal(of: folder).digest != before, "\(what)")
    try undo()
    #expect(try PluginSeal(of: folder).digest == before, "\(what), undone")
  }

  @Test
  func `any change to any file makes another digest, and its undoing the first`() throws {
    try inFolder { folder in
      try expectChange(in: folder, "a byte") {
        write("run", "two", in: folder)
      } undo: {
        write("run", "one", in: folder)
      }
      try expectChange(in: folder, "a byte further down") {
        write("lib/a", "b", in: folder)
      } undo: {
        write("lib/a", "a", in: folder)
      }
      try expectChange(in: folder, "a file more") {
        write("lib/.b", "", in: folder)
      } undo: {
        unlink("\(folder)/lib/.b")
      }
      try expectChange(in: folder, "an empty folder more") {
        mkdir("\(folder)/e", 0o755)
      } undo: {
        rmdir("\(folder)/e")
      }
      try expectChange(in: folder, "a mode") {
        chmod("\(folder)/lib/a", 0o755)
      } undo: {
        chmod("\(folder)/lib/a", 0o600)
      }
      try expectChange(in: folder, "setuid") {
        chmod("\(folder)/run", 0o4700)
      } undo: {
        chmod("\(folder)/run", 0o700)
      }
      try expectChange(in: folder, "another target") {
        unlink("\(folder)/lib/link")
        symlink("a", "\(folder)/lib/link")
      } undo: {
        unlink("\(folder)/lib/link")
        symlink("../run", "\(folder)/lib/link")
      }
      try expectChange(in: folder, "a link in the place of a file with its target's content") {
        unlink("\(folder)/lib/a")
        symlink("b", "\(folder)/lib/a")
      } undo: {
        unlink("\(folder)/lib/a")
        write("lib/a", "a", in: folder)
        chmod("\(folder)/lib/a", 0o600)
      }
      try expectChange(in: folder, "another name") {
        rename("\(folder)/lib/a", "\(folder)/lib/b")
      } undo: {
        rename("\(folder)/lib/b", "\(folder)/lib/a")
      }
    }
  }

  @Test
  func `content cannot be moved from one file to the next, nor from a name to its content`() throws {
    let place = try TemporaryDirectory()
    func digest(_ files: [(String, String)]) throws -> String {
      for (name, text) in files { write(name, text, in: place.path) }
      defer { for (name, _) in files { unlink("\(place.path)/\(name)") } }
      return try PluginSeal(of: place.path).digest
    }
    let digests = [
      try digest([("plugin.json", ""), ("a", "xy"), ("b", "")]),
      try digest([("plugin.json", ""), ("a", "x"), ("b", "y")]),
      try digest([("plugin.json", ""), ("a", "f"), ("b", "xy")]), try digest([("plugin.json", ""), ("ab", "xy")]),
      try digest([("plugin.json", ""), ("a", "bxy")]), try digest([("plugin.json", "a"), ("bxy", "")]),
    ]
    #expect(Set(digests).count == digests.count)
  }

  @Test(arguments: [
    "/etc/passwd", "..", "../..", "lib/../..", "lib/up/../../x", "./../x", "../reeve-elsewhere", "lib/up/..",
  ])
  func `a link that leaves the folder is refused`(target: String) throws {
    try inFolder { folder in
      symlink("..", "\(folder)/lib/up")
      _ = try PluginSeal(of: folder)
      symlink(target, "\(folder)/escape")
      expectRefused(folder, "the link “escape” leads out of it, to “\(target)”")
    }
  }

  @Test
  func `a FIFO, a socket's like, is refused and not waited for`() throws {
    try inFolder { folder in
      mkfifo("\(folder)/lib/fifo", 0o600)
      expectRefused(folder, "“lib/fifo” is neither a file nor a folder")
    }
  }

  @Test
  func `too many files, too many bytes, too deep: refused with what is too much`() throws {
    try inFolder { folder in
      var path = folder
      for _ in 0..<70 {
        path += "/d"
        mkdir(path, 0o755)
      }
      expectRefused(folder, "nested too deeply")
    }
    try inFolder { folder in
      write("large", "", in: folder)
      // Without a byte on the disk, and refused before one is read.
      truncate("\(folder)/large", 1 << 30)
      expectRefused(folder, "more than 64 MiB")
    }
    try inFolder { folder in
      for number in 0...4096 { write("f\(number)", "", in: folder) }
      expectRefused(folder, "more than 4096 files")
    }
  }

  @Test
  func `a file that claims to be as large as a number can be is too much, and no crash`() throws {
    guard let place = try? TemporaryDirectory(bytes: 1 << 20) else {
      return skip("no file system of a given size can be mounted here")
    }
    for (name, text) in [("plugin.json", "{}"), ("z", "")] { write(name, text, in: place.path) }
    guard truncate("\(place.path)/z", .max) == 0 else { return skip("no file can be that large here") }
    expectRefused(place.path, "more than 64 MiB")
  }

  @Test
  func `a file in it that others can write is refused by name`() throws {
    try inFolder { folder in
      chmod("\(folder)/lib/a", 0o666)
      expectRefused(folder, "chmod o-w \(folder)/lib/a")
    }
  }
}
