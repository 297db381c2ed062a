import Glibc
import Kernel
import Model
import RPC
import Support
import Testing
import Wire

/// `reeve plugins`, `reeve check` and `reeve new`.
@Suite(.tags(.large))
struct PluginCommandTests {
  private func manifest(_ name: String, _ version: String) -> String {
    #"{"name":"\#(name)","version":"\#(version)","command":["/bin/true"],"result":"exit"}"#
  }

  /// Writes a manifest below a folder of the world.
  private func add(_ name: String, _ manifest: String, to place: String, of world: World) throws {
    let folder = try Directory.openOrCreate("\(world.path(place))/\(name)")
    try folder.openFile("plugin.json", flags: O_WRONLY | O_CREAT).writeAll(Array(manifest.utf8).span.bytes)
  }

  // MARK: - plugins

  @Test
  func `plugins lists all there are, those that cannot be used with why, and those that are hidden`() throws {
    let world = try World()
    world.environment["REEVE_PLUGINS"] = "\(world.path("plugins")):\(world.path("nowhere")):\(world.path("more"))"
    try world.addPlugin("broken", #"{"name":"broken","#)
    try world.addPlugin("absent", #"{"name":"absent","version":"3","command":["no-such-program-anywhere"]}"#)
    try world.addPlugin(
      "needy", #"{"name":"needy","version":"1","command":["/bin/true"],"env":{"require":["SOME_KEY"]}}"#)
    try add("script", manifest("script", "0.9"), to: "more", of: world)
    try add("later", manifest("later", "2"), to: "more", of: world)
    let listed = try world.call("plugins", "--json")
    #expect(listed.code == .code(0) && listed.errors == "")
    let plugins = try #require(try JSON.parse(listed.output).array)
    #expect(plugins.map { $0["name"] } == ["absent", "broken", "later", "needy", "script", "shell"])
    let byName = Dictionary(uniqueKeysWithValues: plugins.map { ($0["name"]?.string ?? "", $0) })
    for name in ["later", "script", "shell"] {
      #expect(byName[name]?["usable"] == true && byName[name]?["why"] == .null)
    }
    for (name, why) in [
      ("broken", "broken/plugin.json:1"), ("absent", "no-such-program-anywhere"), ("needy", "SOME_KEY"),
    ] {
      #expect(byName[name]?["usable"] == false)
      #expect(byName[name]?["why"]?.string?.contains(why) == true, "\(listed.output)")
      #expect(byName[name]?["folder"]?.string == world.path("plugins/\(name)"))
    }
    #expect(byName["script"]?["version"] == "1")
    #expect(
      byName["script"]?["hides"] == [
        ["folder": .string(world.path("more/script")), "place": "named", "version": "0.9"]
      ])
    // People read the same.
    let lines = try world.call("plugins").output.split(separator: "\n").map { String($0) }
    #expect(lines.first?.split(separator: " ") == ["PLUGIN", "VERSION", "STATE", "PLACE", "FOLDER"])
    #expect(
      lines.contains {
        $0.split(separator: " ") == ["script", "0.9", "hidden", "named", world.path("more/script")[...]]
      })
    #expect(lines.contains { $0.split(separator: " ").prefix(3) == ["broken", "–", "unusable"] })
    #expect(lines.contains { $0.hasPrefix("needy: ") && $0.contains("SOME_KEY") })
    // And programs hear the same.
    let host = try world.host()
    #expect(try host.call("plugin/list")["plugins"] == .array(plugins))
    try host.end()
  }

  @Test
  func `plugins says who put each one where it is, and where it looked when there are none`() throws {
    let world = try World()
    world.environment["REEVE_PLUGINS"] = nil
    try add("mine", manifest("mine", "1"), to: ".config/reeve/plugins", of: world)
    let plugins = try #require(try JSON.parse(try world.call("plugins", "--json").output).array)
    #expect(plugins.first { $0["name"] == "mine" }?["place"] == "user")
    #expect(plugins.first { $0["name"] == "demo" }?["place"] == "bundled")
    world.environment["REEVE_PLUGINS"] = world.path("nowhere")
    let none = try world.call("plugins")
    #expect(none.code == .code(0) && none.output.contains(world.path("nowhere")))
    #expect(try world.call("plugins", "--json").output == "[]\n")
  }
}
