import Support
import Testing

@testable import Plugins

@Suite(.tags(.small))
struct EnvironmentTests {
  /// What a program gets of the caller's variables, without those that every program gets.
  private func passed(
    _ names: [String], granted: [String] = [], _ change: (inout EnvironmentRules) -> Void = { _ in }
  ) throws -> [String] {
    var rules = EnvironmentRules()
    change(&rules)
    let caller = Dictionary(uniqueKeysWithValues: names.map { ($0, "of \($0)") })
    let environment = try rules.environment(from: caller, granted: granted, run: "r1", directory: "/work").variables
    #expect(environment.contains("PWD=/work"))
    #expect(environment == environment.sorted())
    return environment.filter { !$0.hasPrefix("PWD=") && !$0.hasPrefix("REEVE_RUN=") }.map {
      String($0.prefix { $0 != "=" })
    }
  }

  @Test
  func `an environment is built from nothing: what no rule names is not passed`() throws {
    let foreign = [
      "SECRET", "AWS_ACCESS_KEY_ID", "LD_PRELOAD", "LD_LIBRARY_PATH", "PATHS", "MYPATH", "LC", "XDG", "home",
    ]
    #expect(try passed(foreign) == [])
    #expect(try passed([]) == [])
  }

  @Test
  func `the base list is passed, its families too`() throws {
    let base = [
      "PATH", "HOME", "LC_ALL", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "http_proxy", "NODE_EXTRA_CA_CERTS", "TZ",
    ]
    #expect(try passed(base) == base.sorted())
    for name in EnvironmentRules.base where !name.hasSuffix("*") { #expect(try passed([name]) == [name]) }
  }

  @Test
  func `what the manifest passes is passed, by its exact name or by its beginning`() throws {
    let names = ["HELLO", "HELLO_A", "HELLO_B", "OTHER", "OTHER_A"]
    #expect(try passed(names) { $0.pass = ["HELLO_*", "OTHER"] } == ["HELLO_A", "HELLO_B", "OTHER"])
    #expect(try passed(names) { $0.require = ["OTHER_A"] } == ["OTHER_A"])
  }

  @Test(arguments: [
    "HELLO_KEY", "HELLO_API_KEY", "HELLO_TOKEN", "HELLO_SECRET", "HELLO_PASSWORD", "HELLO_KEY_ID", "HELLO_AUTH",
    "HELLO_credentials", "HELLO_APIKEY", "HELLO_PASSPHRASE",
  ])
  func `a pattern does not catch what looks like a secret; its name does`(name: String) throws {
    #expect(try passed([name]) { $0.pass = ["HELLO_*"] } == [])
    #expect(try passed([name]) { $0.pass = ["HELLO_*", name] } == [name])
    #expect(try passed([name]) { $0.require = [name] } == [name])
  }

  @Test(arguments: ["HELLO_KEYBOARD", "HELLO_MONKEY", "HELLO_AUTHOR", "HELLO_TOKENS_MAX", "HELLO_MODE"])
  func `a name that only resembles one of a secret is caught by a pattern`(name: String) throws {
    #expect(try passed([name]) { $0.pass = ["HELLO_*"] } == [name])
  }

  @Test
  func `what is dropped is not passed, neither from the base list nor by a pattern`() throws {
    let names = ["PATH", "LC_ALL", "LC_TIME", "HELLO_A", "HELLO_B"]
    let kept = try passed(names) {
      $0.pass = ["HELLO_*"]
      $0.drop = ["LC_*", "HELLO_B"]
    }
    #expect(kept == ["HELLO_A", "PATH"])
  }

  @Test
  func `what is set wins over what the caller has, and is there when it has nothing`() throws {
    var rules = EnvironmentRules()
    rules.pass = ["A"]
    rules.set = [("A", "mine"), ("B", "a=b c"), ("PATH", ""), ("TERM", "first"), ("TERM", "last")]
    rules.drop = ["A", "B"]
    let caller = ["A": "theirs", "PATH": "/bin", "TERM": "xterm"]
    let environment = try rules.environment(from: caller, run: "r1", directory: "/work").variables
    #expect(environment == ["A=mine", "B=a=b c", "PATH=", "PWD=/work", "REEVE_RUN=r1", "TERM=last"])
  }

  @Test(arguments: ["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "NODE_OPTIONS", "GEMINI_CLI"])
  func `what marks a nested agent or a debugger is never passed, whatever the manifest says`(name: String) throws {
    let rules: [(inout EnvironmentRules) -> Void] = [
      { $0.pass = [name] }, { $0.pass = ["\(name.prefix(4))*"] }, { $0.require = [name] },
    ]
    for rule in rules { #expect(try passed([name], granted: [name], rule) == []) }
    let caller = [name: "theirs"]
    var rules2 = EnvironmentRules()
    rules2.set = [(name, "mine")]
    #expect(try rules2.environment(from: caller, run: "r", directory: "/").variables.contains("\(name)=mine"))
  }

  @Test(arguments: ["CLAUDE_CODE_MAX_RETRIES", "CLAUDE_CODE_OAUTH_TOKEN", "NODE_INSPECT_X", "LD_PRELOAD", "BASH_ENV"])
  func `what steers agents and programs is passed by its full name and by no pattern`(name: String) throws {
    #expect(try passed([name], granted: ["\(name.prefix(3))*"]) { $0.pass = ["\(name.prefix(2))*"] } == [])
    #expect(try passed([name]) { $0.pass = [name] } == [name])
    #expect(try passed([name], granted: [name]) == [name])
  }

  @Test
  func `a family of the base list does not catch what looks like a secret`() throws {
    #expect(try passed(["XDG_SESSION_COOKIE", "XDG_DATA_HOME", "LC_TOKEN"]) == ["XDG_DATA_HOME"])
  }

  @Test
  func `what the user's configuration passes is passed as what the manifest passes, by the same rules`() throws {
    let names = ["FOO_MODE", "FOO_API_KEY", "BAR_TOKEN", "OTHER"]
    #expect(try passed(names, granted: ["FOO_*", "BAR_TOKEN"]) == ["BAR_TOKEN", "FOO_MODE"])
    #expect(try passed(names, granted: ["FOO_*"]) { $0.drop = ["FOO_*"] } == [])
  }

  @Test
  func `each decision has its reason, and no value`() {
    var rules = EnvironmentRules()
    rules.pass = ["FOO_*", "NAMED", "NOT_THERE"]
    rules.drop = ["BAD"]
    rules.set = [("MODE", "m")]
    let names = [
      "PATH", "FOO_A", "FOO_KEY", "NAMED", "MINE", "CLAUDECODE", "LD_PRELOAD", "BAD", "OTHER", "MODE", "PWD",
    ]
    let caller = Dictionary(uniqueKeysWithValues: names.map { ($0, "value") })
    let decisions = Dictionary(uniqueKeysWithValues: rules.decisions(on: caller, granted: ["MINE"]).map { ($0, $1) })
    #expect(
      decisions == [
        "PATH": .passed(.base), "FOO_A": .passed(.manifest), "FOO_KEY": .dropped(.looksSecret),
        "NAMED": .passed(.manifest), "MINE": .passed(.configuration), "CLAUDECODE": .dropped(.marksNesting),
        "LD_PRELOAD": .dropped(.steersPrograms), "BAD": .dropped(.manifest), "OTHER": .dropped(.unnamed),
        "MODE": .set, "PWD": .set,
      ])
    let preview = rules.preview(of: caller, granted: ["MINE"])
    #expect(preview.absent == ["NOT_THERE"] && preview.missing == [] && preview.set == ["MODE", "PWD", "REEVE_RUN"])
  }

  @Test
  func `all that is required and missing is named, in order; an empty value is there`() throws {
    var rules = EnvironmentRules()
    rules.require = ["C", "A", "B"]
    let error = try #require(
      refusal { _ = try rules.environment(from: ["A": ""], run: "r1", directory: "/") })
    #expect(error.code == .missingEnvironment && error.names == ["C", "B"])
    #expect(error.message.contains("C, B"))
  }

  @Test
  func `runs nest: the marker is a list, and the directory is the run's own`() throws {
    let caller = ["REEVE_RUN": "outer:middle", "PWD": "/elsewhere", "OLDPWD": "/old"]
    let environment = try EnvironmentRules().environment(from: caller, run: "inner", directory: "/work").variables
    #expect(environment == ["PWD=/work", "REEVE_RUN=outer:middle:inner"])
    // An empty one is none.
    let top = try EnvironmentRules().environment(from: ["REEVE_RUN": ""], run: "r1", directory: "/").variables
    #expect(top == ["PWD=/", "REEVE_RUN=r1"])
  }
}
