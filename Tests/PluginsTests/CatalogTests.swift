import Glibc
import Kernel
import Support
import Testing

@testable import Plugins

@Suite(.tags(.medium))
struct CatalogTests {
  private static let account = Account(uid: 1000, name: "ada", home: "/home/ada")

  private func places(_ environment: [String: String], program: String = "/opt/reeve/bin/reeve") -> [String] {
    Catalog(environment: environment, program: program, account: Self.account, state: "/nowhere").places.map(\.path)
  }

  /// Writes a plugin into a place; its version tells it apart.
  private func add(_ name: String, to place: String, version: String) throws {
    let folder = try Directory.openOrCreate("\(place)/\(name)")
    let file = try folder.openFile(Manifest.fileName, flags: O_WRONLY | O_CREAT | O_TRUNC)
    let text = #"{"name": "\#(name)", "version": "\#(version)", "command": ["./x"]}"#
    try file.writeAll(Array(text.utf8).span.bytes)
  }

  private func catalog(_ places: String...) -> Catalog {
    Catalog(
      environment: ["REEVE_PLUGINS": places.joined(separator: ":")], program: "/x/bin/reeve", account: Self.account,
      state: "/nowhere")
  }

  @Test
  func `plugins are the user's own, the system's and those that came along, unless the places are named`() {
    let bundled = ["/etc/reeve/plugins", "/opt/reeve/share/reeve/plugins"]
    #expect(places([:]) == ["/home/ada/.config/reeve/plugins"] + bundled)
    #expect(places(["HOME": "/h"]) == ["/h/.config/reeve/plugins"] + bundled)
    #expect(places(["HOME": "/h", "XDG_CONFIG_HOME": "/c"]) == ["/c/reeve/plugins"] + bundled)
    #expect(places(["REEVE_PLUGINS": "/a:/b", "XDG_CONFIG_HOME": "/c"]) == ["/a", "/b"])
    #expect(places(["REEVE_PLUGINS": ""]) == [])
    #expect(places([:], program: "/src/.build/debug/reeve").last == "/src/plugins/agents")
  }

  @Test
  func `a folder that is not an absolute path counts as not set`() {
    for path in ["", "relative", "~/x"] {
      #expect(places(["XDG_CONFIG_HOME": path, "HOME": path]).first == "/home/ada/.config/reeve/plugins")
    }
  }

  @Test
  func `the first place that has a plugin decides`() throws {
    let place = try TemporaryDirectory()
    let (a, b) = ("\(place.path)/a", "\(place.path)/b")
    try add("hello", to: a, version: "first")
    try add("hello", to: b, version: "second")
    try add("other", to: b, version: "only")
    let catalog = catalog("\(place.path)/nowhere", a, b)
    #expect(try catalog.plugin("hello").version == "first")
    #expect(try catalog.plugin("hello").folder == "\(a)/hello")
    #expect(try catalog.plugin("other").version == "only")
    #expect(catalog.names() == ["hello", "other"])
  }

  @Test
  func `only folders with the name of a plugin and a manifest count`() throws {
    let place = try TemporaryDirectory()
    let folder = try place.open()
    for name in ["empty", "Upper", ".hidden"] { try folder.makeDirectory(name) }
    _ = try place.write("file", "")
    try add("Shout", to: place.path, version: "1")
    try add("hello", to: place.path, version: "1")
    #expect(catalog(place.path).names() == ["hello"])
    for name in ["empty", "file", "Shout"] {
      #expect(refusal { _ = try catalog(place.path).plugin(name) }?.code == .notFound)
    }
  }

  @Test(arguments: [("helo", "hello"), ("hlelo", "hello"), ("helloo", "hello"), ("hel", "hello"), ("Hello", "hello")])
  func `a slip of the finger is answered with what may have been meant`(typed: String, meant: String) throws {
    let place = try TemporaryDirectory()
    try add("hello", to: place.path, version: "1")
    try add("world", to: place.path, version: "1")
    let error = try #require(refusal { _ = try catalog(place.path).plugin(typed) })
    #expect(error.code == .notFound && error.names == [meant])
    #expect(error.message == "there is no plugin “\(typed)”; did you mean “\(meant)”?")
  }

  @Test
  func `an unknown plugin is answered with those there are, or with where they were looked for`() throws {
    let place = try TemporaryDirectory()
    let nothing = try #require(refusal { _ = try catalog(place.path, "/nowhere").plugin("zebra") })
    let looked = "no plugins were found in \(place.path), /nowhere"
    #expect(nothing.code == .notFound && nothing.message == "there is no plugin “zebra”; \(looked)")
    try add("hello", to: place.path, version: "1")
    try add("world", to: place.path, version: "1")
    let error = try #require(refusal { _ = try catalog(place.path).plugin("zebra") })
    #expect(error.names == [] && error.message == "there is no plugin “zebra”; there are hello, world")
  }

  @Test(arguments: ["../hello", "..", "hello/", "/etc/passwd", "", "hello\0", String(repeating: "h", count: 100_000)])
  func `a name that is no plugin name opens nothing`(name: String) throws {
    let place = try TemporaryDirectory()
    try add("hello", to: place.path, version: "1")
    try place.open().makeDirectory("inner")
    #expect(refusal { _ = try catalog("\(place.path)/inner").plugin(name) }?.code == .notFound)
  }

  @Test
  func `a manifest that cannot be read or is far too large is refused by name, not passed over`() throws {
    let place = try TemporaryDirectory()
    try add("hello", to: "\(place.path)/later", version: "1")
    let folder = try Directory.openOrCreate("\(place.path)/first/hello")
    let file = "\(folder.path)/\(Manifest.fileName)"
    let catalog = catalog("\(place.path)/first", "\(place.path)/later")

    try folder.makeDirectory(Manifest.fileName)
    for round in ["a directory", "too large"] {
      let error = try #require(refusal { _ = try catalog.plugin("hello") }, "\(round)")
      #expect(error.code == .badManifest && error.file == file)
      #expect(error.message.hasPrefix("\(file) cannot be read: "))
      guard round == "a directory" else { break }
      try folder.removeDirectory(Manifest.fileName)
      let large = try folder.openFile(Manifest.fileName, flags: O_WRONLY | O_CREAT)
      try large.writeAll([UInt8](repeating: 0x20, count: 1 << 20 + 1).span.bytes)
    }
  }

  // MARK: - What is known

  @Test
  func `a manifest that has not changed is not understood anew, and one that has changed in any way is`() throws {
    let place = try TemporaryDirectory()
    try add("hello", to: place.path, version: "one")
    let folder = "\(place.path)/hello"
    let catalog = catalog(place.path)
    var known: [String: Installed] = [:]
    func version() throws -> String? { try catalog.installed("hello", &known)?.version }
    #expect(try version() == "one")
    var other = Manifest(folder: folder)
    other.version = "known"
    known[folder] = Installed(bytes: try #require(known[folder]).bytes, manifest: other)
    #expect(try version() == "known")
    // As long as before, and at once.
    try add("hello", to: place.path, version: "two")
    #expect(try version() == "two")
    // Another file in its place.
    try add("new", to: place.path, version: "ten")
    #expect(rename("\(place.path)/new/\(Manifest.fileName)", "\(folder)/\(Manifest.fileName)") == 0)
    #expect(throws: PluginError.self) { try version() }
  }

  @Test
  func `who could change a manifest that is known is looked at every time`() throws {
    let place = try TemporaryDirectory()
    try add("hello", to: place.path, version: "one")
    let catalog = catalog(place.path)
    var known: [String: Installed] = [:]
    for path in ["\(place.path)/hello/\(Manifest.fileName)", "\(place.path)/hello"] {
      #expect(try catalog.installed("hello", &known)?.version == "one")
      let mode: UInt32 = path.hasSuffix("json") ? 0o600 : 0o700
      #expect(chmod(path, mode | 0o002) == 0)
      #expect(refusal { _ = try catalog.installed("hello", &known) }?.code == .untrusted)
      #expect(chmod(path, mode) == 0)
    }
    #expect(unlink("\(place.path)/hello/\(Manifest.fileName)") == 0)
    #expect(try catalog.installed("hello", &known) == nil)
  }
}
