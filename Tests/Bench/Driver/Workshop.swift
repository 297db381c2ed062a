import Glibc
import Kernel
import Model

/// Where the benchmark works, and with which programs.
final class Workshop {
  /// Everything that is written lies here. Little of it is removed before the end: removing slows the file system down.
  let folder: String
  let options: Options
  /// The package's folder.
  let package: String
  private let products: String
  /// How many things it has made; the newest one's name.
  private(set) var count = 0

  init(options: Options) throws {
    self.options = options
    var template = Array("/tmp/reeve-bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError(call: "mkdtemp", code: errno) }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let own = try Descriptor.open("/proc/self/exe", flags: O_RDONLY).realPath()
    products = Self.parent(of: own)
    var place = products
    while access("\(place)/Package.swift", F_OK) != 0 {
      guard place != "/" else { throw BenchError("the sources are not where this program was built") }
      place = Self.parent(of: place)
    }
    package = place
    for program in [reeve, limits] where access(program, X_OK) != 0 {
      throw BenchError("there is no \(program); build it first, in the same configuration")
    }
  }

  /// The program that is measured.
  var reeve: String { options.reeve ?? "\(products)/reeve" }
  /// The limits and the agents.
  var limits: String { "\(products)/BenchLimits" }
  /// Debian's own, whose packages its supervisors come with.
  let python = "/usr/bin/python3"
  let node = "/usr/bin/node"
  /// Where packages of Python's are put.
  var venv: String { "\(package)/.build/bench/venv" }

  /// A script in Tests/Bench/Peers.
  func peer(_ name: String) -> String { "\(package)/Tests/Bench/Peers/\(name)" }

  /// A new folder, empty and the owner's alone.
  func makeFolder() throws -> String {
    count += 1
    let path = "\(folder)/\(count)"
    guard mkdir(path, 0o700) == 0 else { throw SystemError(call: "mkdir", code: errno, detail: path) }
    return path
  }

  /// Writes a file.
  func write(_ path: String, _ text: String) throws {
    try Directory.open(Self.parent(of: path), following: true)
      .openFile(String(path.split(separator: "/").last ?? ""), flags: O_WRONLY | O_CREAT | O_TRUNC)
      .writeAll(Array(text.utf8).span.bytes)
  }

  /// Starts a program of ours or of others.
  func start(
    _ program: String, _ arguments: [String], environment: [String: String] = ProcessEnvironment.current(),
    streams: Program.Streams = .output
  ) throws -> Program {
    count += 1
    return try Program(
      program, arguments, environment: environment, streams: streams, errors: "\(folder)/\(count).stderr")
  }

  /// The one number that a program prints.
  func figure(_ program: String, _ arguments: [String], within patience: TimeSpan = .seconds(120)) throws -> Double {
    try start(program, arguments).figure(within: patience)
  }

  /// How long a program takes from its start to its end, in seconds.
  func seconds(_ program: String, _ arguments: [String]) throws -> Double {
    let begin = Clock.now()
    try start(program, arguments, streams: []).wait(within: .seconds(120))
    return (Clock.now() - begin).seconds
  }

  /// Removes what was made since there were so many things.
  func clear(since mark: Int) { for number in mark..<count { Self.remove("\(folder)/\(number + 1)") } }

  /// Removes all that was written.
  func clear() { Self.remove(folder) }

  private static func parent(of path: String) -> String {
    let parts = path.split(separator: "/").dropLast()
    return "/" + parts.joined(separator: "/")
  }

  private static func remove(_ path: String) {
    if let entries = try? Directory.open(path).entries() {
      for entry in entries { remove("\(path)/\(entry)") }
    }
    Glibc.remove(path)
  }
}

extension TimeSpan {
  var seconds: Double { Double(nanoseconds) / 1e9 }
  var microseconds: Double { Double(nanoseconds) / 1e3 }
}
