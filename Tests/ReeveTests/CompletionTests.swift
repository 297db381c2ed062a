import Kernel
import Model
import Support
import Testing
import Wire

/// What a shell offers when somebody presses the key, in real shells.
@Suite(.tags(.large))
struct CompletionTests {
  private func makeWorld() throws -> World {
    let world = try World()
    let folder = try Repository.program("reeve").split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    world.environment["PATH"] = "\(folder):\(world.environment["PATH"] ?? "")"
    return world
  }

  /// What bash offers for the last of these words.
  private func offered(_ words: String..., in world: World) throws -> [String] {
    let script = #"""
      source <(reeve completions bash) || exit 9
      [[ $(complete -p reeve) == *"-F _reeve reeve" ]] || exit 8
      COMP_WORDS=(reeve "$@"); COMP_CWORD=$#
      _reeve reeve "${@: -1}" "${COMP_WORDS[$#-1]}"
      printf '%s\n' "${COMPREPLY[@]}"
      """#
    let bash = try Child(
      "/bin/bash", ["-c", script, "bash"] + words, environment: world.environment, directory: world.folder.path)
    #expect(try bash.wait() == .code(0), "\(bash.errors)")
    #expect(bash.errors == "")
    return bash.output.split(separator: "\n").map { String($0) }
  }

  @Test
  func `bash completes commands, options, their values, plugins and methods`() throws {
    let world = try makeWorld()
    #expect(try offered("pl", in: world) == ["plugins"])
    #expect(try Set(offered("", in: world)).isSuperset(of: ["run", "check", "new", "completions", "help"]))
    #expect(try offered("run", "sc", in: world) == ["script"])
    #expect(try offered("check", "--json", "sh", in: world) == ["shell"])
    #expect(try offered("run", "--mo", in: world) == ["--model"])
    #expect(try offered("run", "script", "--on-busy", "q", in: world) == ["queue"])
    #expect(try offered("run", "--limit", "wa", in: world) == ["wall="])
    #expect(try offered("run", "--wait", "", in: world) == ["gone"])
    #expect(try offered("prune", "--status", "can", in: world) == ["cancelled"])
    #expect(try offered("call", "run/st", in: world) == ["run/start"])
    #expect(try offered("completions", "", in: world) == ["bash", "zsh", "fish"])
    // The prompt is a person's own, and what stands behind “--” as well; a new plugin has no name yet.
    for words in [["run", "script", ""], ["run", "--", "s"], ["new", ""], ["nonsense", ""]] {
      #expect(try candidates(words, world).isEmpty, "\(words)")
    }
  }

  private func candidates(_ words: [String], _ world: World) throws -> String {
    let child = try Child(
      Repository.program("reeve"), ["completions", "for", "--"] + words, environment: world.environment)
    #expect(try child.wait() == .code(0))
    return child.output
  }

  @Test
  func `bash completes the names of runs that a command can do something with, and makes nothing for it`() throws {
    let world = try makeWorld()
    #expect(try offered("show", "", in: world) == [])
    #expect(!world.has("state"), "it has made the state folder")
    let session = #"echo '{"type":"session","id":"s"}'; "#
    try world.addPlugin(
      "again",
      #"{"name":"again","version":"1","command":["/bin/sh","-c","{prompt}"],"resume":["/bin/true","{session}"]}"#)
    #expect(try world.call("run", "again", session + Stage.success, "--wait", "gone").code == .code(0))
    #expect(try world.call("run", "script", Stage.success, "--wait", "gone").code == .code(0))
    let host = try world.host()
    let live = try host.start("script", "sleep 1000")
    let ids = try world.runs().map(\.id.description)
    #expect(try Set(offered("show", "", in: world)) == Set(ids))
    #expect(try offered("cancel", "", in: world) == [live])
    #expect(try offered("resume", "", in: world) == [ids[0]])
    // What a run was asked is shown beside it, on one line, and does nothing to a terminal.
    #expect(try world.call("run", "again", "printf '\u{1b}[2J\\n'\n" + Stage.success).code == .code(0))
    #expect(try candidates(["show", ""], world).split(separator: "\n").count == 4)
    #expect(try !candidates(["show", ""], world).contains("\u{1b}"))
    try host.end()
  }

  @Test(arguments: [
    (
      "zsh",
      "autoload -U compinit; compinit -u; source <(reeve completions zsh); (( $+functions[_reeve] )) && [[ $_comps[reeve] == _reeve ]]"
    ),
    ("fish", "reeve completions fish | source; complete -C 'reeve plug' | string match -q 'plugins*'"),
  ])
  func `other shells take what they are given`(shell: String, script: String) throws {
    let world = try makeWorld()
    guard let program = world.installed(shell) else { return skip("\(shell) is not installed: completions in it") }
    let child = try Child(program, ["-c", script], environment: world.environment, directory: world.folder.path)
    #expect(try child.wait() == .code(0), "\(child.output) \(child.errors)")
  }

  @Test
  func `an unknown shell is refused by name`() throws {
    let ended = try World().call("completions", "tcsh")
    #expect(ended.code == .code(2) && ended.errors.contains("bash, zsh, fish"))
  }
}
