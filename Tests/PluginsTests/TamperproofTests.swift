import Glibc
import Kernel
import Support
import Testing

@testable import Plugins

@Suite(.tags(.medium))
struct TamperproofTests {
  /// `a/b/c/file`, the links `direct` to `a/b` and `winding` to `direct/../b/c`.
  private func inTree(_ body: (String) throws -> Void) throws {
    let place = try TemporaryDirectory()
    let c = try Directory.openOrCreate("\(place.path)/a/b/c")
    _ = try c.openFile("file", flags: O_WRONLY | O_CREAT)
    symlink("\(place.path)/a/b", "\(place.path)/direct")
    symlink("direct/../b/./c", "\(place.path)/winding")
    try body(place.path)
  }

  private func expectReal(
    _ path: String, _ real: String?, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let found = try Tamperproof.check(path)
    #expect(found == real, sourceLocation: sourceLocation)
  }

  private func expectRefused(_ path: String, naming culprit: String, _ words: String) throws {
    let error = try #require(refusal { try Tamperproof.check(path) }, "\(path)")
    #expect(error.code == .untrusted && error.file == culprit && error.message.contains(words), "\(error)")
    #expect(error.message.hasPrefix(culprit))
  }

  @Test
  func `what only root and the user can change is found where it really is`() throws {
    try inTree { place in
      for name in ["a/b/c/file", "direct/c/file", "winding/file", "a/./b/../b//c/file"] {
        try expectReal("\(place)/\(name)", "\(place)/a/b/c/file")
      }
      try expectReal("\(place)/nothing/here", nil)
      try expectReal("\(place)/a/b/c/file/below", nil)
      try expectReal("/", "/")
    }
  }

  @Test(arguments: ["a", "a/b", "a/b/c", "a/b/c/file"])
  func `what everybody can write to is refused by name, with what to do, however it is reached`(name: String) throws {
    try inTree { place in
      chmod("\(place)/\(name)", 0o757)
      for path in ["a/b/c/file", "direct/c/file", "winding/file"] {
        try expectRefused("\(place)/\(path)", naming: "\(place)/\(name)", "chmod o-w \(place)/\(name)")
      }
      chmod("\(place)/\(name)", 0o755)
      #expect(throws: Never.self) { try Tamperproof.check("\(place)/winding/file") }
    }
  }

  @Test
  func `a folder in which anybody can swap a link is refused, though what the link leads to is safe`() throws {
    try inTree { place in
      mkdir("\(place)/open", 0o755)
      symlink("\(place)/a/b/c", "\(place)/open/link")
      try expectReal("\(place)/open/link/file", "\(place)/a/b/c/file")
      chmod("\(place)/open", 0o777)
      try expectRefused("\(place)/open/link/file", naming: "\(place)/open", "every user")
    }
  }

  @Test
  func `a sticky folder on the way is no danger, as the plugin's own folder it is`() throws {
    try inTree { place in
      chmod("\(place)/a/b", 0o1777)
      #expect(throws: Never.self) { try Tamperproof.check("\(place)/a/b/c/file") }
      try expectRefused("\(place)/a/b", naming: "\(place)/a/b", "every user")
    }
  }

  @Test
  func `a group other than the owner's own is refused, the owner's own is not`() throws {
    guard geteuid() == 0 else { return skip("only root can give files away: groups and owners") }
    try inTree { place in
      chmod("\(place)/a/b", 0o775)
      #expect(throws: Never.self) { try Tamperproof.check("\(place)/a/b/c/file") }
      chown("\(place)/a/b", 0, 54321)
      try expectRefused("\(place)/a/b/c/file", naming: "\(place)/a/b", "group 54321")
      chmod("\(place)/a/b", 0o755)
      #expect(throws: Never.self) { try Tamperproof.check("\(place)/a/b/c/file") }
    }
  }

  @Test
  func `what belongs to somebody else is refused, and a link of somebody else's in a sticky folder`() throws {
    guard geteuid() == 0 else { return skip("only root can give files away: groups and owners") }
    try inTree { place in
      chown("\(place)/a/b/c", 54321, 0)
      try expectRefused("\(place)/a/b/c/file", naming: "\(place)/a/b/c", "belongs to user 54321")
      chown("\(place)/a/b/c", 0, 0)
      chmod(place, 0o1777)
      #expect(throws: Never.self) { try Tamperproof.check("\(place)/direct/c/file") }
      lchown("\(place)/direct", 54321, 54321)
      try expectRefused("\(place)/direct/c/file", naming: "\(place)/direct", "belongs to user 54321")
    }
  }

  @Test
  func `links that lead in a circle are refused and not followed for ever`() throws {
    let place = try TemporaryDirectory()
    symlink("b", "\(place.path)/a")
    symlink("a", "\(place.path)/b")
    #expect(refusal { try Tamperproof.check("\(place.path)/a") }?.code == .untrusted)
  }

  @Test
  func `a plugin whose folder, manifest or program others can write is refused wherever it lies`() throws {
    let place = try TemporaryDirectory()
    let folder = try Directory.openOrCreate("\(place.path)/plugins/hello")
    func write(_ name: String, _ text: String) throws {
      let file = try folder.openFile(name, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o700)
      try file.writeAll(Array(text.utf8).span.bytes)
    }
    try write("plugin.json", #"{"name": "hello", "version": "1", "command": ["./run"]}"#)
    try write("run", "#!/bin/sh\n")
    let catalog = Catalog(
      environment: ["REEVE_PLUGINS": "\(place.path)/plugins"], program: "/x/bin/reeve",
      account: Account(uid: geteuid(), name: "", home: "/"), state: "/nowhere")
    let request = RunRequest(plugin: "hello", directory: "/", environment: [:])
    try Preparation.check(request, catalog: catalog)
    for name in ["plugins", "plugins/hello", "plugins/hello/plugin.json", "plugins/hello/run"] {
      let path = "\(place.path)/\(name)"
      chmod(path, 0o777)
      let error = try #require(refusal { try Preparation.check(request, catalog: catalog) }, "\(name)")
      #expect(error.code == .untrusted && error.message.contains("run: chmod o-w \(path)"), "\(error)")
      chmod(path, 0o755)
    }
    try Preparation.check(request, catalog: catalog)
  }
}
