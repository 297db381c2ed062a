import Glibc
import Kernel
import Ledger
public import Model
public import Testing

/// A place where Reeve has never been: a state folder, plugins, an environment, all of a test's own.
public final class World {
  /// The folder that everything of it lies in.
  public let folder: TemporaryDirectory
  /// Where Reeve keeps its state here.
  public let state: String
  /// What programs find in their environment.
  public var environment: [String: String]

  /// A new world; with a size, its state folder lies on a file system that holds no more than that.
  public init(stateBytes: Int? = nil) throws {
    folder = try TemporaryDirectory()
    small = try stateBytes.map { Box(try TemporaryDirectory(bytes: $0)) }
    state = small?.folder.path ?? "\(folder.path)/state"
    environment = [
      "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": folder.path, "REEVE_STATE": state,
      "REEVE_PLUGINS": "\(folder.path)/plugins:\(Repository.path)/plugins/agents",
      "REEVE_CONFIG": "\(folder.path)/config.json",
    ]
    try folder.open().makeDirectory("plugins")
    // The prompt is the program: a shell script that plays the agent.
    try addPlugin("script", #"{"name":"script","version":"1","command":["/bin/sh","-c","{prompt}"]}"#)
    try addPlugin(
      "shell", #"{"name":"shell","version":"1","command":["/bin/sh","-c","{prompt}"],"result":"exit"}"#)
  }

  /// Hosts that a test has killed leave their control groups behind, and nobody will look after this state folder again.
  deinit {
    let hosts = (try? Directory.open("\(state)/hosts").entries()) ?? []
    let names = Set(hosts.compactMap { $0.split(separator: ".").first }.map { "reeve-\($0)" })
    let places = CgroupPlaces.current()
    for place in [places.unified, places.memory, places.pids] {
      guard let place, let group = try? ControlGroup.open(place) else { continue }
      // What is killed may take a moment to leave.
      for name in names { for _ in 0..<100 where (try? group.remove(name)) == nil { usleep(10_000) } }
    }
  }

  private final class Box {
    let folder: TemporaryDirectory
    init(_ folder: consuming TemporaryDirectory) { self.folder = folder }
  }
  private let small: Box?

  /// Adds a plugin by its manifest.
  public func addPlugin(_ name: String, _ manifest: String) throws {
    let plugins = try folder.open().openDirectory("plugins")
    try plugins.makeDirectory(name)
    let file = try plugins.openDirectory(name).openFile("plugin.json", flags: O_WRONLY | O_CREAT)
    try file.writeAll(Array(manifest.utf8).span.bytes)
  }

  /// Writes the user's configuration.
  public func configure(_ text: String) throws { try folder.write("config.json", text) }

  /// Starts `reeve` with these words.
  public func reeve(_ words: String..., terminal: Terminal? = nil) throws -> Child {
    try Child(
      Repository.program("reeve"), words, environment: environment, directory: folder.path, terminal: terminal)
  }

  /// Runs `reeve` with these words to its end.
  public func call(_ words: String...) throws -> (code: ProcessExit, output: String, errors: String) {
    let child = try Child(Repository.program("reeve"), words, environment: environment, directory: folder.path)
    let code = try child.wait()
    return (code, child.output, child.errors)
  }

  /// Starts a host that serves its socket until it is told to stop.
  public func host() throws -> TestHost { try TestHost(self) }

  /// The rows of all runs, oldest first, as the ledger has them.
  public func runs() throws -> [RunRecord] {
    guard Glibc.access("\(state)/\(LedgerFile.name)", F_OK) == 0,
      let reader = try LedgerReader.open(in: try Directory.open(state))
    else { return [] }
    return try reader.allRuns(limit: 100_000).reversed()
  }

  /// The only run there is; throws when there is none or more.
  public func run() throws -> RunRecord {
    let runs = try runs()
    return try #require(runs.count == 1 ? runs[0] : nil, "there are \(runs.count) runs")
  }

  /// Waits until the only run's row is as it should be.
  @discardableResult
  public func awaitRun(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ condition: (RunRecord) -> Bool
  ) throws -> RunRecord {
    var run: RunRecord?
    try eventually(what, sourceLocation: sourceLocation) {
      run = try runs().first
      return run.map(condition) ?? false
    }
    return try #require(run)
  }

  /// A path in its folder.
  public func path(_ name: String) -> String { "\(folder.path)/\(name)" }

  /// Whether a file is there.
  public func has(_ name: String) -> Bool { Glibc.access(path(name), F_OK) == 0 }
}

/// This repository, and what was built from it.
public enum Repository {
  /// Where it lies.
  public static var path: String { "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") }

  /// A program that was built together with the tests.
  public static func program(_ name: String) throws -> String {
    let tests = try Descriptor.open("/proc/self/exe", flags: O_RDONLY).realPath()
    return "/" + tests.split(separator: "/").dropLast().joined(separator: "/") + "/" + name
  }
}

/// Whether a process lives: a zombie does not.
public func isAlive(_ pid: Int32) -> Bool { ((try? ProcessTable.stat(pid)) ?? nil)?.isAlive ?? false }

extension RunRecord {
  /// Its flags, but for the one that a slow disk may raise on any run.
  public var notableFlags: Flags { flags.subtracting(.ledgerDelayed) }
}
