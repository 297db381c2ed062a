import Kernel
import Support
import Testing

@testable import Plugins

@Suite(.tags(.medium))
struct ConfigurationTests {
  private func read(_ text: String) throws -> Configuration {
    let place = try TemporaryDirectory()
    return try Configuration.read(path: try place.write("config.json", text))
  }

  @Test
  func `variables are passed to all plugins or to one`() throws {
    let configuration = try read(
      #"{"env":{"pass":["CORP_*","A"]},"plugins":{"hello":{"env":{"pass":["HELLO_KEY"]},"max_running":2}}}"#)
    #expect(configuration.granted(to: "other") == ["CORP_*", "A"])
    #expect(configuration.granted(to: "hello") == ["CORP_*", "A", "HELLO_KEY"])
    #expect(try read("{}").granted(to: "hello") == [])
  }

  @Test(arguments: [
    (#"{"env":{"drop":["A"]}}"#, "env.drop"), (#"{"env":{"pass":["A=B"]}}"#, "env.pass"), (#"{"env":["A"]}"#, "env"),
    (#"{"env":{"pass":["*A*"]}}"#, "env.pass"), (#"{"plugins":{"x":{"env":{"set":{}}}}}"#, "plugins.x.env.set"),
  ])
  func `what is wrong with them is an error that names the key`(text: String, key: String) throws {
    let error = try #require(refusal { _ = try read(text) })
    #expect(error.code == .badConfiguration && error.key == key, "\(error)")
  }
}
