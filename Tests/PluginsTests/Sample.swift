import Glibc
import Kernel
import Model
import Support
import Testing
import Wire

@testable import Plugins

/// The manifest of the design, where every member is there.
let sampleManifest = """
  {"name": "hello", "version": "1", "description": "Greets, slowly.",
   "command": ["./hello.sh", {"if": "model", "then": ["--model", "{model}"]}, "--", "{prompt}"],
   "resume": ["./hello.sh", "--session", "{session}", "--", "{prompt}"],
   "env": {"pass": ["HELLO_*"], "require": ["HELLO_KEY"], "set": {"HELLO_MODE": "plain"}, "drop": []},
   "limits": {"wall": "10m", "idle": "30s", "memory": "512MiB"},
   "writes": false, "result": "event", "dialect": "native", "check": ["./hello.sh", "--version"],
   "stop": "TERM", "final": "first", "success_needs_exit": false, "privileges": "none"}
  """

/// Reads a manifest that lies in a folder called `hello`.
func read(_ text: String, folder: String = "/plugins/hello") throws -> Manifest {
  try ManifestReader.read(Array(text.utf8), folder: folder)
}

/// The manifest of the design with some members changed, or one left out.
func sample(_ changes: [String: String] = [:], without missing: String? = nil) throws -> String {
  guard case .object(var object) = try JSON.parse(sampleManifest) else { return "" }
  for (key, text) in changes { object[key] = try JSON.parse(text) }
  if let missing { object[missing] = nil }
  return JSON.object(object).text
}

/// Why something is refused; what is not refused is recorded as a fault.
func refusal(sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void) -> PluginError? {
  #expect(throws: PluginError.self, sourceLocation: sourceLocation) { try body() }
}

/// A request to the sample, from a caller that has what it requires.
func makeRequest(_ prompt: String? = "hi", _ environment: [String: String] = [:]) -> RunRequest {
  var request = RunRequest(
    plugin: "hello", directory: "/work", environment: ["HELLO_KEY": "k"].merging(environment) { $1 })
  request.prompt = prompt
  return request
}

/// The name of a run.
func makeRunID() -> RunID {
  var names = IdentifierSource<RunSubject>()
  return names.next(at: 1)
}
