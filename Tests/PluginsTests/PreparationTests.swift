import Glibc
import Kernel
import Model
import Support
import Testing

@testable import Plugins

@Suite(.tags(.medium))
struct PreparationTests {
  private let promptFile = "/state/runs/01/prompt.txt"

  private func prepare(_ request: RunRequest, _ manifest: String = sampleManifest) throws -> Preparation {
    try Preparation(request, manifest: try read(manifest), run: makeRunID(), promptFile: promptFile)
  }

  @Test(arguments: [
    "two words", "it's", #"a "quoted" one"#, "a\nb\n", "--help", "-", "--", "", "$HOME `id` $(id) ; rm -rf * | &",
    "{model} {prompt} {x}", "\\", "\t", "“ümläut” 🙂", String(repeating: "x", count: 131_071),
  ])
  func `a prompt is one argument, exactly as it was given`(prompt: String) throws {
    let arguments = try prepare(makeRequest(prompt)).arguments
    #expect(arguments.count == 3)
    #expect(arguments.map { Array($0.utf8) } == ["./hello.sh", "--", prompt].map { Array($0.utf8) })
  }

  @Test
  func `an optional part is there when its value is, be it empty, and else is not`() throws {
    var request = makeRequest("P")
    #expect(try prepare(request).arguments == ["./hello.sh", "--", "P"])
    request.model = "big model"
    #expect(try prepare(request).arguments == ["./hello.sh", "--model", "big model", "--", "P"])
    request.model = ""
    #expect(try prepare(request).arguments == ["./hello.sh", "--model", "", "--", "P"])
  }

  @Test
  func `placeholders are filled in the middle of text, and what they are filled with is not read again`() throws {
    let manifest = try sample(["command": #"["x/y", "a={prompt},b={cwd}{model}", "{\"p\": \"{prompt}\"}"]"#])
    var request = makeRequest("{model}")
    request.model = "{cwd}"
    #expect(try prepare(request, manifest).arguments == ["x/y", "a={model},b=/work{cwd}", #"{"p": "{model}"}"#])
  }

  @Test
  func `what the command needs and the request lacks is named`() throws {
    let error = try #require(refusal { _ = try prepare(makeRequest(nil)) })
    #expect(error.code == .badRequest && error.message == "the plugin “hello” needs a prompt")
  }

  @Test
  func `a session goes on with the resume command, and is refused where there is none`() throws {
    var request = makeRequest("P")
    request.session = "abc"
    #expect(try prepare(request).arguments == ["./hello.sh", "--session", "abc", "--", "P"])
    let error = try #require(refusal { _ = try prepare(request, try sample(without: "resume")) })
    #expect(error.code == .badRequest && error.message.contains("cannot go on with a session"))
  }

  @Test
  func `a prompt that Linux does not take as an argument is refused with its size and the limit`() throws {
    // In bytes, not characters.
    for prompt in [String(repeating: "x", count: 131_072), String(repeating: "é", count: 65_536)] {
      let error = try #require(refusal { _ = try prepare(makeRequest(prompt)) })
      #expect(error.code == .promptTooLarge)
      #expect(error.sizes?.actual == 131_072 && error.sizes?.limit == 131_071)
      #expect(error.message.contains("131072") && error.message.contains("131071"))
    }
  }

  private let either =
    #"["./x", {"if": "prompt_file", "then": ["--file", "{prompt_file}"]}, {"if": "prompt", "then": ["--p={prompt}"]}]"#

  @Test
  func `a prompt goes as a file where the argument it stands in would be too long, and there is one`() throws {
    let manifest = try sample(["command": either])
    let fitting = String(repeating: "x", count: 131_071 - 4)
    #expect(try prepare(makeRequest(fitting), manifest).arguments == ["./x", "--p=\(fitting)"])
    #expect(try !prepare(makeRequest(fitting), manifest).isPromptInFile)
    let large = try prepare(makeRequest(fitting + "x"), manifest)
    #expect(large.arguments == ["./x", "--file", promptFile] && large.isPromptInFile)
    #expect(try prepare(makeRequest(nil), manifest).arguments == ["./x"])
    #expect(try !prepare(makeRequest(nil), manifest).isPromptInFile)
  }

  @Test
  func `a command that knows the file alone always gets it, and a prompt it must have`() throws {
    let manifest = try sample(["command": #"["./x", "@{prompt_file}"]"#])
    let prepared = try prepare(makeRequest(""), manifest)
    #expect(prepared.arguments == ["./x", "@\(promptFile)"] && prepared.isPromptInFile)
    let error = try #require(refusal { _ = try prepare(makeRequest(nil), manifest) })
    #expect(error.code == .badRequest && error.message == "the plugin “hello” needs a prompt")
    let large = try #require(refusal { _ = try prepare(makeRequest(String(repeating: "x", count: 9 << 20)), manifest) })
    #expect(large.code == .promptTooLarge && large.sizes?.limit == Preparation.longestPrompt)
    #expect(refusal { _ = try prepare(makeRequest("a\0b"), manifest) }?.code == .badRequest)
  }

  @Test
  func `a NUL is refused, for a program would see the argument cut short there`() throws {
    let error = try #require(refusal { _ = try prepare(makeRequest("a\0b")) })
    #expect(error.code == .badRequest && error.message.contains("NUL"))
  }

  @Test
  func `limits of the request go before those of the plugin, and a wrong one is named`() throws {
    var request = makeRequest()
    request.limits = [("wall", "1m"), ("tasks", "none")]
    let limits = try prepare(request).limits
    #expect(limits.text(.wall) == "1m" && limits[.wall].origin == .request)
    #expect(limits.text(.tasks) == "none" && limits[.tasks].origin == .request)
    #expect(limits.text(.idle) == "30s" && limits[.idle].origin == .plugin)
    #expect(limits.text(.output) == "1GiB" && limits[.output].origin == .default)
    request.limits = [("wall", "1")]
    let error = try #require(refusal { _ = try prepare(request) })
    #expect(error.code == .badLimit && error.key == "wall" && error.message.contains("“1”"))
  }

  @Test
  func `a missing variable refuses the request by name before anything is started`() throws {
    var request = makeRequest()
    request.environment = ["PATH": "/bin"]
    let error = try #require(refusal { _ = try prepare(request) })
    #expect(error.code == .missingEnvironment && error.names == ["HELLO_KEY"])
  }

  private func program(_ command: String, path: String?) throws -> String {
    let environment = path.map { ["PATH": $0] } ?? [:]
    return try prepare(makeRequest("P", environment), try sample(["command": #"["\#(command)"]"#])).program
  }

  @Test
  func `a program with a slash is in the plugin's folder, or where its absolute path says`() throws {
    #expect(try program("./x", path: nil) == "/plugins/hello/x")
    #expect(try program("./bin/x", path: nil) == "/plugins/hello/bin/x")
    #expect(try program("bin/x", path: nil) == "/plugins/hello/bin/x")
    #expect(try program("/opt/x", path: "/usr/bin") == "/opt/x")
  }

  @Test
  func `a program without a slash is the first in the caller's PATH that can be run`() throws {
    let place = try TemporaryDirectory()
    for name in ["a", "b", "c", "d"] { try place.open().makeDirectory(name) }
    try place.open().openDirectory("a").makeDirectory("tool")
    _ = try place.write("b-tool", "", mode: 0o644)
    rename("\(place.path)/b-tool", "\(place.path)/b/tool")
    for name in ["c", "d"] {
      _ = try place.write("tool", "#!/bin/sh\n", mode: 0o700)
      rename("\(place.path)/tool", "\(place.path)/\(name)/tool")
    }
    let path = ["/nowhere", "", "relative", "a", "b", "c", "d"].map { $0.count == 1 ? "\(place.path)/\($0)" : $0 }
    #expect(try program("tool", path: path.joined(separator: ":")) == "\(place.path)/c/tool")
    // Without a PATH it is looked for where every system has its programs.
    #expect(try program("sh", path: nil).hasSuffix("/bin/sh"))
  }

  @Test(arguments: ["/nowhere:/neither", "", ":", "."])
  func `a program that is not found is told with its name and where it was looked for`(path: String) throws {
    let error = try #require(refusal { _ = try program("reeve-no-such-tool", path: path) })
    #expect(error.code == .programNotFound)
    #expect(error.message.contains("“reeve-no-such-tool”") && error.message.hasSuffix("looked for in \(path)"))
  }
}
