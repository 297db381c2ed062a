import Glibc
import Model
import Support
import Testing

/// Real editors, without a screen: through their own clients of JSON-RPC, and through our plugins.
///
/// What an editor does is in Tests/Editors; it prints `ok NAME` for each thing that holds.
@Suite(.tags(.large))
struct EditorTests {
  enum Editor: String, CaseIterable, CustomTestStringConvertible {
    case nvim
    case emacs

    var testDescription: String { rawValue }

    /// What runs a driver.
    func words(_ driver: String) -> [String] {
      let path = "\(Repository.path)/Tests/Editors/\(rawValue)/\(driver)"
      return switch self {
      case .nvim: ["--headless", "--clean", "-u", "\(path).lua"]
      case .emacs: ["-Q", "--batch", "-l", "\(path).el"]
      }
    }

    /// What holds of the plugin, in the order in which it is tried.
    var checksOfPlugin: [String] {
      switch self {
      case .nvim:
        [
          "stream", "statusline", "selection", "range", "cancel", "resume", "completion", "list", "reopen", "refusal",
          "health", "host-killed", "works-again", "missing-program",
        ]
      case .emacs:
        [
          "compile", "stream", "mode-line", "region", "cancel", "resume", "completion", "list", "reopen", "refusal",
          "doctor", "host-killed", "works-again", "missing-program",
        ]
      }
    }
  }

  /// A world with an agent that can be resumed; the prompt is a shell script.
  private func makeWorld() throws -> World {
    let world = try World()
    world.environment["REEVE_PROGRAM"] = try Repository.program("reeve")
    world.environment["REEVE_FOLDER"] = world.folder.path
    try world.addPlugin(
      "agent",
      #"""
      {"name":"agent","version":"1","command":["/bin/sh","-c","{prompt}"],
       "resume":["/bin/sh","-c","{prompt}","agent","{session}"]}
      """#)
    return world
  }

  /// An editor that runs a driver; nil, loudly, where it is not installed.
  private func start(_ editor: Editor, _ driver: String, in world: World) throws -> Child? {
    guard let program = world.installed(editor.rawValue) else {
      skip("\(editor.rawValue) is not installed: \(driver) in it")
      return nil
    }
    return try Child(
      program, editor.words(driver), environment: world.environment, directory: world.folder.path)
  }

  /// Expects that a driver comes to its end, and everything holds that it looks at.
  private func drive(_ editor: Editor, _ driver: String, expecting checks: [String]) throws {
    let world = try makeWorld()
    guard let child = try start(editor, driver, in: world) else { return }
    let ended = try child.wait(within: .seconds(600))
    #expect(ended == .code(0), "\(child.output) \(child.errors)")
    let held = child.output.split(separator: "\n").filter { $0.hasPrefix("ok ") }.map { String($0.dropFirst(3)) }
    #expect(held == checks, "\(child.errors)")
    try world.awaitRecovery("\(editor.rawValue) \(driver)")
    try world.expectInvariants("\(editor.rawValue) \(driver)")
  }

  @Test(arguments: Editor.allCases)
  func `an editor's own client of JSON-RPC drives a run`(editor: Editor) throws {
    try drive(editor, "rpc", expecting: ["initialize", "start", "stream", "cancel", "error", "exit"])
  }

  @Test(arguments: Editor.allCases)
  func `the plugin does what it says, also when its host is killed`(editor: Editor) throws {
    try drive(editor, "plugin", expecting: editor.checksOfPlugin)
  }

  @Test(arguments: Editor.allCases)
  func `what an editor runs ends with it when it is killed`(editor: Editor) throws {
    let world = try makeWorld()
    guard let child = try start(editor, "live", in: world) else { return }
    try eventually("nothing runs: \(child.output) \(child.errors)") {
      child.output.contains("ok live\n") || child.poll() != nil
    }
    let live = try world.run()
    #expect(live.status == .running, "\(child.errors)")
    child.signal(SIGKILL)
    try child.wait()
    let run = try world.awaitRun("it is not buried") { $0.disposal == .gone }
    #expect(run.status == .cancelled && run.reason == "disconnect")
    try world.expectInvariants("\(editor.rawValue) is killed")
  }
}
